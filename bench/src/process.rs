//! What the kernel says about the server's processes.

use std::collections::BTreeMap;
use std::fs;

use crate::Fallible;

/// Clock ticks in a second in `/proc/PID/stat`: 100 on every Linux the benchmark knows.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time that the process and its descendants have used, in microseconds.
pub(crate) fn cpu_us(pid: u32) -> Fallible<u64> {
    let mut ticks = 0;
    for process in family(pid)? {
        // A process that has ended meanwhile does not count.
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        ticks += ticks_of(&stat)?;
    }
    Ok(ticks * 1_000_000 / TICKS_PER_SECOND)
}

/// CPU time of the process's living threads whose name will do, in microseconds.
pub(crate) fn cpu_us_of_threads(pid: u32, will_do: impl Fn(&str) -> bool) -> Fallible<u64> {
    let mut ticks = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task"))? {
        let Ok(stat) = fs::read_to_string(thread?.path().join("stat")) else { continue };
        let name = stat.split('(').nth(1).and_then(|rest| rest.split(')').next()).unwrap_or_default();
        if will_do(name) {
            ticks += ticks_of(&stat)?;
        }
    }
    Ok(ticks * 1_000_000 / TICKS_PER_SECOND)
}

/// User and system time in a line of `/proc/PID/stat`.
fn ticks_of(stat: &str) -> Fallible<u64> {
    // The name in parentheses may hold spaces; state is the field after it, utime and stime are 11 and 12 on.
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let mut ticks = 0;
    for index in [11, 12] {
        ticks += fields.get(index).ok_or("/proc/PID/stat is too short")?.parse::<u64>()?;
    }
    Ok(ticks)
}

/// Resident memory of the process and its descendants, in KiB.
pub(crate) fn memory_kib(pid: u32) -> Fallible<u64> {
    let mut sum = 0;
    for process in family(pid)? {
        let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else { continue };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let digits = line.and_then(|line| line.split_whitespace().next()).unwrap_or("0");
        sum += digits.parse::<u64>()?;
    }
    Ok(sum)
}

/// The process and all its descendants.
fn family(pid: u32) -> Fallible<Vec<u32>> {
    let mut children: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for entry in fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(process) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{process}/stat")) else { continue };
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1)).map(str::parse::<u32>);
        if let Some(Ok(parent)) = parent {
            children.entry(parent).or_default().push(process);
        }
    }
    let mut found = vec![pid];
    let mut next = 0;
    while let Some(process) = found.get(next).copied() {
        found.extend(children.get(&process).into_iter().flatten());
        next += 1;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory_and_time() {
        let pid = std::process::id();
        assert!(memory_kib(pid).unwrap() > 100);
        let before = cpu_us(pid).unwrap();
        while cpu_us(pid).unwrap() == before {}
        assert!(cpu_us(pid).unwrap() > before);
    }

    #[test]
    fn threads_are_told_by_name() {
        let (stop, stopped) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("busy one".to_owned());
        let busy =
            thread.spawn(move || while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {});
        let pid = std::process::id();
        while cpu_us_of_threads(pid, |name| name == "busy one").unwrap() == 0 {}
        assert_eq!(cpu_us_of_threads(pid, |name| name == "nobody").unwrap(), 0);
        drop(stop);
        busy.unwrap().join().unwrap();
    }

    #[test]
    fn a_child_belongs_to_the_family() {
        let mut child = std::process::Command::new("sleep").arg("10").spawn().unwrap();
        let found = family(std::process::id()).unwrap().contains(&child.id());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(found);
        assert!(!family(child.id()).unwrap().contains(&std::process::id()));
    }
}
