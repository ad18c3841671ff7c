//! 이름 없는 메모리 파일(`memfd_create`).

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::fs::{MemfdFlags, Stat, memfd_create, readlink};
use rustix::process::{Resource, getrlimit};

/// 열려 있는 동안 파일마다 다른 것: 장치와 아이노드.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    device: u64,
    pub inode: u64,
}

impl FileId {
    pub fn of(stat: &Stat) -> FileId {
        FileId { device: stat.st_dev, inode: stat.st_ino }
    }
}

/// 이 크레이트가 만든 메모리 파일의 이름은 모두 이렇게 시작합니다.
pub const MEMORY_PREFIX: &str = "/memfd:ipc-core:";

/// 열린 파일의 이름. 메모리 파일이면 만들 때 준 이름이 들어 있습니다.
pub fn memory_name(fd: BorrowedFd) -> io::Result<String> {
    let link = readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())?;
    Ok(link.to_string_lossy().into_owned())
}

/// 이름 없는 메모리 파일. `size`바이트까지 쓸 수 있어야 합니다.
///
/// 파일 크기의 한도를 넘겨 쓰면 커널은 에러를 반환하는 대신 `SIGXFSZ`로 프로세스를 죽입니다. 그래서 먼저 봅니다.
pub fn memory_file(name: &str, size: usize) -> io::Result<File> {
    if let Some(limit) = getrlimit(Resource::Fsize).current.filter(|limit| size as u64 > *limit) {
        let why = format!("파일 크기의 한도(ulimit -f)인 {limit}바이트를 넘습니다");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(File::from(memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?))
}
