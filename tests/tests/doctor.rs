//! `scripts/doctor`가 모자란 것을 찾아내는지: 컴퓨터에게 묻는 명령들을 꾸며, 다른 컴퓨터인 것처럼 대답하게 합니다.

use std::error::Error;
use std::fs::{Permissions, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// 시스템의 이름, 커널, glibc(musl이면 빈 문자열)가 이렇다고 대답하는 컴퓨터에서 doctor가 한 말. 성공했으면 `None`입니다.
fn complaint(system: &str, kernel: &str, libc: &str) -> Result<Option<String>, Box<dyn Error>> {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    for (name, answers) in [
        ("uname", format!("case $1 in -sm) echo '{system}' ;; -r) echo '{kernel}' ;; esac")),
        ("getconf", format!("case $1 in GNU*) echo '{libc}' | grep . ;; *) echo 2 ;; esac")),
        // 알파인의 것(busybox)처럼 -C를 모릅니다.
        ("sort", r#"[ "$1" != -C ] || exit 2; PATH=${PATH#*:}; exec sort "$@""#.to_owned()),
    ] {
        let path = folder.path().join(name);
        write(&path, format!("#!/bin/sh\n{answers}\n"))?;
        set_permissions(&path, Permissions::from_mode(0o755))?;
    }
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH")?);
    let mut doctor = Command::new("sh");
    let output = doctor.arg("scripts/doctor").current_dir(ROOT).env("PATH", path).output()?;
    let said = String::from_utf8(output.stdout)?;
    Ok((!output.status.success()).then_some(said))
}

#[test]
fn doctor_names_what_is_missing() -> Result<(), Box<dyn Error>> {
    let glibc = "glibc 2.36";
    assert_eq!(complaint("Linux x86_64", "6.1.0-50-amd64", glibc)?, None);
    assert_eq!(complaint("Linux aarch64", "5.4.0", "glibc 2.30")?, None);
    assert_eq!(complaint("Linux x86_64", "6.6.0", "")?, None);
    for (system, kernel, libc, advice) in [
        ("Darwin arm64", "24.0.0", glibc, "docker run"),
        ("MINGW64_NT-10.0 x86_64", "3.4", glibc, "wsl --install"),
        ("Linux x86_64", "5.3.18", glibc, "5.4 이상의 커널"),
        ("Linux aarch64", "6.1.0", "glibc 2.28", "glibc 2.30 이상"),
    ] {
        let said = complaint(system, kernel, libc)?.ok_or("문제가 없다고 합니다")?;
        assert!(said.contains(advice), "{system} {kernel} {libc}: {said}");
    }
    Ok(())
}
