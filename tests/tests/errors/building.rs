//! 빌드하다가 막히는 것들: 진짜 rustc와 cargo를, 무엇인가 모자라거나 다른 환경에서 실행합니다.

use std::collections::BTreeMap;
use std::env::var_os;
use std::fs::{Permissions, read_to_string, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail, ensure};
use tempfile::TempDir;
use tests::traps::{Outcome, compile, package_outside_sources};

use crate::complained;

const CORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/ipc-core");

/// 실행할 수 있는 것도 두는 임시 폴더. `/tmp`에서는 실행이 막힌 컴퓨터도 있습니다.
const TEMPORARY: &str = env!("CARGO_TARGET_TMPDIR");

/// cargo가 실행하는 rustc. `PATH`가 달라져도 실행할 수 있게, 놓인 곳을 물어봅니다.
fn rustc() -> Result<PathBuf> {
    let named = var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = Command::new(named).args(["--print", "sysroot"]).output()?.stdout;
    Ok(Path::new(String::from_utf8(sysroot)?.trim()).join("bin/rustc"))
}

/// `PATH`에 `cc`가 없습니다.
pub fn without_linker() -> Result<Vec<String>> {
    let folder = TempDir::new_in(TEMPORARY)?;
    let source = folder.path().join("main.rs");
    write(&source, "fn main() {}")?;
    let mut build = Command::new(rustc()?);
    build.arg(source).arg("--out-dir").arg(folder.path()).env("PATH", folder.path());
    Ok(vec![complained(&mut build)?])
}

/// 진짜 rustc이지만, 버전을 물으면 1.85라고 대답합니다.
pub fn with_old_rust() -> Result<Vec<String>> {
    let folder = TempDir::new_in(TEMPORARY)?;
    let old = folder.path().join("rustc");
    let answer = "sed 's/^release: .*/release: 1.85.0/'";
    write(&old, format!("#!/bin/sh\n'{}' \"$@\" | {answer}\n", rustc()?.display()))?;
    set_permissions(&old, Permissions::from_mode(0o755))?;
    let mut check = Command::new(env!("CARGO"));
    check.args(["check", "--frozen", "--target-dir"]).arg(folder.path());
    Ok(vec![complained(check.current_dir(CORE).env("RUSTC", old))?])
}

/// 다른 시스템을 위한 표준 라이브러리가 없어도 되도록, `lib.rs`의 그 줄들만 표준 라이브러리 없이 컴파일합니다.
pub fn for_other_systems() -> Result<Vec<String>> {
    const WITHOUT_STD: &str = "
        #![feature(no_core, rustc_attrs)]
        #![no_core]
        #[rustc_builtin_macro]
        macro_rules! compile_error { ($message:expr $(,)?) => {}; }
    ";
    /// 어디서나 나오는 에러. 컴파일러가 앞의 줄들까지 다 보았다는 표시입니다.
    const END: &str = "여기까지 보았습니다";
    let source = read_to_string(format!("{CORE}/src/lib.rs"))?;
    let start = source.find("#[cfg(not(all(").context("lib.rs에서 시스템을 보는 줄")?;
    let guard = source[start..].split_inclusive(");\n").next().unwrap_or_default();

    let folder = TempDir::new_in(TEMPORARY)?;
    let path = folder.path().join("lib.rs");
    write(&path, format!("{WITHOUT_STD}\n{guard}\ncompile_error!(\"{END}\");"))?;
    let errors = |system: &str| -> Result<String> {
        let mut compile = Command::new(rustc()?);
        compile.args(["--crate-type=lib", "--emit=metadata", "--target", system]).arg(&path);
        // no_core는 정식 기능이 아니어서, 정식 컴파일러에서도 쓰겠다고 알립니다.
        compile.arg("--out-dir").arg(folder.path()).env("RUSTC_BOOTSTRAP", "1");
        let errors: String =
            complained(&mut compile)?.lines().filter(|line| line.starts_with("error: ")).collect();
        ensure!(errors.contains(END), "{system}: 끝까지 보지 못했습니다: {errors}");
        Ok(errors)
    };
    for [machine, libc] in
        [["x86_64", "gnu"], ["aarch64", "gnu"], ["x86_64", "musl"], ["aarch64", "musl"]]
    {
        let system = &format!("{machine}-unknown-linux-{libc}");
        let here = errors(system)?;
        ensure!(
            !here.contains("이 프로젝트는"),
            "{system}: 동작하는 시스템에서도 막습니다: {here}"
        );
    }
    [
        "x86_64-apple-darwin",
        "x86_64-pc-windows-msvc",
        "x86_64-pc-windows-gnu",
        "aarch64-apple-darwin",
        "aarch64-linux-android",
        "riscv64gc-unknown-linux-gnu",
    ]
    .into_iter()
    .map(errors)
    .collect()
}

/// 컴파일되지 않아야 하는 프로그램(tests/traps)들의 에러. 아래의 것을 모두 한 번에 빌드해 봅니다.
fn traps(names: &[&str]) -> Result<Vec<String>> {
    static BUILT: OnceLock<BTreeMap<String, Outcome>> = OnceLock::new();
    if BUILT.get().is_none() {
        let package = package_outside_sources(Path::new(TEMPORARY))?;
        let _ = BUILT.set(compile("build", &package, TRAPS)?);
    }
    let refused = |name: &&str| match BUILT.get().and_then(|built| built.get(*name)) {
        Some(Outcome::Refused(errors)) => Ok(errors.concat()),
        _ => bail!("{name} 프로그램을 빌드하지 않았거나, 컴파일되었습니다"),
    };
    names.iter().map(refused).collect()
}

const TRAPS: &[&str] = &[
    "--bin=capture",
    "--bin=seven_args",
    "--bin=capture_mut",
    "--bin=borrowed_items",
    "--bin=str_argument",
    "--bin=not_serializable",
    "--bin=no_serde_in_queue",
    "--bin=descriptor_in_queue",
    "--bin=not_plain",
    "--bin=heap_in_lock",
    "--bin=lock_in_lock",
];

pub fn capturing_closure() -> Result<Vec<String>> {
    traps(&["capture"])
}

pub fn unfit_function() -> Result<Vec<String>> {
    traps(&["seven_args", "capture_mut", "borrowed_items"])
}

pub fn string_slice() -> Result<Vec<String>> {
    traps(&["str_argument"])
}

pub fn unsendable_value() -> Result<Vec<String>> {
    traps(&["not_serializable", "borrowed_items"])
}

pub fn unfit_for_queue() -> Result<Vec<String>> {
    traps(&["no_serde_in_queue", "descriptor_in_queue"])
}

pub fn unfit_for_lock() -> Result<Vec<String>> {
    traps(&["not_plain", "heap_in_lock", "lock_in_lock"])
}
