//! "해 볼 것"(examples-ko/exercises): 답대로 고치면 장에 적힌 것이 보이고, 고치지 않으면 보이지 않습니다.
//!
//! 고친 프로그램을 한 번에 빌드하고, 고치지 않은 것은 작업공간에서 빌드한 그대로, 학습자가 쓰는 `scripts/try`로 확인합니다.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread;

use nix::sys::resource::{Resource, setrlimit};
use tests::package;

type Result<T = ()> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const FOLDER: &str = "examples-ko/exercises";
/// rustc가 거절해야 하는 답의 종료 코드.
const REFUSED: &str = "101";

/// 답 하나. 머리에는 실행할 것과 보여야 할 것이 있습니다.
struct Exercise {
    name: String,
    head: String,
    sources: Vec<String>,
}

impl Exercise {
    fn all(&self, field: &str) -> impl Iterator<Item = &str> {
        let start = format!("{field}: ");
        self.head.lines().filter_map(move |line| line.strip_prefix(&start))
    }

    /// 답대로 고친 프로그램의 이름. 크레이트의 이름에는 점을 쓸 수 없습니다.
    fn bin(&self) -> String {
        format!("고친-{}", self.name.replace('.', "-"))
    }

    fn code(&self) -> &str {
        self.all("종료 코드").next().unwrap_or("0")
    }

    fn is_python(&self) -> bool {
        self.sources.iter().all(|source| source.ends_with(".py"))
    }
}

fn exercises() -> Result<Vec<Exercise>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(Path::new(ROOT).join(FOLDER))? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let (head, patch) = text.split_once("diff ").ok_or("답에 고칠 것이 없습니다")?;
        let sources = patch.lines().filter_map(|line| line.strip_prefix("+++ b/"));
        found.push(Exercise {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            head: head.to_owned(),
            sources: sources.map(str::to_owned).collect(),
        });
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(found.len() >= 24, "답이 {}개뿐입니다", found.len());
    Ok(found)
}

/// 장의 "해 볼 것"에 있는 문제들: `11.7-1`과 그 글.
fn tasks() -> Result<BTreeMap<String, String>> {
    let mut tasks = BTreeMap::new();
    for entry in fs::read_dir(Path::new(ROOT).join("examples-ko"))? {
        let path = entry?.path();
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((section, _)) = file.split_once('-').filter(|_| file.starts_with("11.")) else {
            continue;
        };
        let text = fs::read_to_string(&path)?;
        let (_, list) = text.split_once("\n## 해 볼 것\n").ok_or(format!("{file}: 해 볼 것"))?;
        for line in list.lines().take_while(|line| !line.starts_with("## ")) {
            let Some((number, task)) = line.split_once(". ") else { continue };
            if number.parse::<u32>().is_ok() {
                tasks.insert(format!("{section}-{number}"), task.to_owned());
            }
        }
    }
    Ok(tasks)
}

#[test]
fn chapters_say_what_will_be_seen() -> Result {
    let (tasks, exercises) = (tasks()?, exercises()?);
    let names: BTreeSet<&str> = exercises.iter().map(|exercise| exercise.name.as_str()).collect();
    assert_eq!(names, tasks.keys().map(String::as_str).collect(), "문제와 답은 하나씩 짝입니다");
    for exercise in &exercises {
        let (name, task) = (&exercise.name, &tasks[&exercise.name]);
        for part in exercise.all("보임").chain(exercise.all("안 보임")) {
            assert!(task.contains(part.trim()), "{name}: 장에 없는 글: `{part}`");
        }
        let code = format!("종료 코드는 {}", exercise.code());
        let told = ["0", REFUSED].contains(&exercise.code()) || task.contains(&code);
        assert!(told, "{name}: 장에 없는 글: `{code}`");
        assert!(exercise.all("실행").count() == 1 && exercise.all("힌트").count() == 1, "{name}");
    }
    Ok(())
}

/// 답마다 소스를 `folder`에 복사해 고치고, 고친 프로그램(`고친-…`)을 모두 빌드합니다.
fn build(folder: &Path, exercises: &[Exercise]) -> Result {
    let root = fs::canonicalize(ROOT)?;
    let mut programs = Vec::new();
    for exercise in exercises {
        let fixed = folder.join(&exercise.name);
        for source in &exercise.sources {
            let copied = fixed.join(source);
            fs::create_dir_all(copied.parent().ok_or("폴더가 없습니다")?)?;
            fs::copy(root.join(source), &copied)?;
        }
        let answer = root.join(FOLDER).join(format!("{}.patch", exercise.name));
        // 이 저장소의 파일이 아니라 복사한 파일을 고칩니다.
        let applied = Command::new("git")
            .arg("apply")
            .arg(answer)
            .current_dir(&fixed)
            .env("GIT_CEILING_DIRECTORIES", folder)
            .output()?;
        let errors = String::from_utf8_lossy(&applied.stderr);
        assert!(applied.status.success(), "{}: {errors}", exercise.name);
        if !exercise.is_python() {
            let path = fixed.join(&exercise.sources[0]).display().to_string();
            let refused = exercise.code() == REFUSED;
            let needs = if refused { vec!["refused"] } else { vec![] };
            programs.push(toml::toml! { name = (exercise.bin())
            path = path
            required-features = needs });
        }
    }
    let mut more = toml::toml! { features = { refused = [] } };
    more.insert("bin".into(), programs.into());
    package::create(folder, "exercises", more)?;
    let built = package::cargo(folder, &["build", "--bins", "--quiet"])?.output()?;
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Ok(())
}

/// 고치지 않은 프로그램. 작업공간의 것을 그대로 씁니다.
fn unchanged(source: &str) -> Result<PathBuf> {
    let path = Path::new(source);
    let file = if source.ends_with("/main.rs") { path.ancestors().nth(2) } else { Some(path) };
    let name = file.and_then(|file| file.file_stem()).ok_or("프로그램의 이름이 없습니다")?;
    Ok(tests::lesson::build_all()?.join(name))
}

/// `scripts/try`에 프로그램을 주어 실행합니다.
fn try_with(name: &str, program: &Command) -> Result<Output> {
    let mut command = Command::new("sh");
    command.arg("scripts/try").arg(name).arg(program.get_program()).args(program.get_args());
    command.current_dir(ROOT).env("CARGO_INCREMENTAL", "0").env_remove("PYTHONUNBUFFERED");
    Ok(command.output()?)
}

fn python(path: PathBuf) -> Command {
    let mut python = Command::new("python3");
    python.arg(path);
    python
}

#[test]
fn answers_do_what_the_chapters_say_and_nothing_else_does() -> Result {
    // 일부러 죽는 프로그램들이 core 파일을 남기지 않게 합니다.
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let has_python = Command::new("python3").arg("--version").output().is_ok();
    let mut exercises = exercises()?;
    exercises.retain(|exercise| has_python || !exercise.is_python());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exercises");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    build(&folder, &exercises)?;

    let program = |exercise: &Exercise, changed| -> Result<Command> {
        let (name, source) = (&exercise.name, &exercise.sources[0]);
        Ok(match changed {
            true if exercise.is_python() => python(folder.join(name).join(source)),
            false if exercise.is_python() => python(source.into()),
            true if exercise.code() == REFUSED => {
                let mut build = package::cargo(&folder, &["build", "--quiet"])?;
                build.args(["--features", "refused", "--bin", &exercise.bin()]);
                build
            }
            true => Command::new(package::program(&exercise.bin())?),
            false => Command::new(unchanged(source)?),
        })
    };
    // 대부분 잠들어 기다리는 프로그램들이므로 함께 실행합니다.
    let problems: Vec<String> = thread::scope(|scope| {
        let all = [(true, 0, "고쳤는데 되지 않습니다"), (false, 1, "고치지 않았는데 됩니다")];
        let mut runs = Vec::new();
        for (exercise, (changed, wanted, what)) in
            exercises.iter().flat_map(|exercise| all.map(|one| (exercise, one)))
        {
            let program = program(exercise, changed)?;
            let run = scope.spawn(move || try_with(&exercise.name, &program));
            runs.push((exercise, wanted, what, run));
        }
        let mut problems = Vec::new();
        for (exercise, wanted, what, run) in runs {
            let output = run.join().expect("검사가 패닉했습니다")?;
            if output.status.code() != Some(wanted) {
                let text = String::from_utf8_lossy(&output.stdout).into_owned();
                let errors = String::from_utf8_lossy(&output.stderr);
                problems.push(format!("== {}: {what}\n{text}{errors}", exercise.name));
            }
        }
        Ok::<_, Box<dyn Error + Send + Sync>>(problems)
    })?;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(fs::remove_dir_all(&folder)?)
}

#[test]
fn unknown_numbers_are_refused() -> Result {
    for args in [&[][..], &[""], &["11.9-1"]] {
        let refused =
            Command::new("sh").arg("scripts/try").args(args).current_dir(ROOT).output()?;
        let errors = String::from_utf8(refused.stderr)?;
        assert_eq!(refused.status.code(), Some(2), "{errors}");
        for exercise in exercises()? {
            assert!(errors.contains(&exercise.name), "{errors}");
        }
    }
    Ok(())
}
