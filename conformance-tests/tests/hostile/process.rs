//! The server's process, found by the port it listens on, and its memory.

use std::fs;
use std::path::PathBuf;

use crate::harness::Subject;

/// The process of the subject.
pub(crate) struct Process(PathBuf);

/// What `/proc/PID/status` says, in KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) resident: i64,
    /// The most since the peak was last forgotten.
    pub(crate) peak: i64,
}

impl Process {
    /// The process that listens on the subject's port.
    pub(crate) fn of_subject() -> Self {
        let socket = format!("socket:[{}]", listening_inode(Subject::get().c2s));
        let owner = processes().find(|process| {
            let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
            open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|to| to.to_str() == Some(&socket))
        });
        Self(owner.expect("the subject runs on this machine, under this user"))
    }

    /// Lets the peak begin anew: what other tests led to does not count.
    pub(crate) fn forget_peak(&self) {
        // proc(5): 5 resets the peak resident set size to what is resident now.
        fs::write(self.0.join("clear_refs"), "5").expect("the subject runs under this user");
    }

    /// Its memory.
    pub(crate) fn memory(&self) -> Memory {
        let status = fs::read_to_string(self.0.join("status")).expect("the subject still runs");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number.and_then(|number| number.parse().ok()).expect("a number of KiB")
        };
        Memory { resident: field("VmRSS:"), peak: field("VmHWM:") }
    }
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let all = fs::read_dir("/proc").expect("this is Linux").flatten().map(|entry| entry.path());
    all.filter(|path| {
        path.file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

/// The inode of the socket that listens on a port of IPv4: columns 2, 4 and 10 of the kernel's table.
fn listening_inode(port: u16) -> String {
    const LISTEN: &str = "0A";
    let table = fs::read_to_string("/proc/net/tcp").expect("this is Linux");
    let address = format!(":{port:04X}");
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows
        .find(|row| row.get(1).is_some_and(|local| local.ends_with(&address)) && row.get(3) == Some(&LISTEN));
    row.and_then(|row| row.get(9).map(|inode| (*inode).to_owned())).expect("the subject listens")
}
