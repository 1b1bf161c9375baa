//! Sums of what passed, failed and was left out.

/// The sums of one run.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    known: u64,
    failures: Vec<String>,
    skipped: Vec<String>,
}

impl Tally {
    pub(crate) fn add(&mut self, passed: u64, failed: u64) {
        self.passed += passed;
        self.failed += failed;
    }

    /// One check with a name.
    pub(crate) fn check(&mut self, name: &str, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.fail(name);
        }
    }

    pub(crate) fn fail(&mut self, what: &str) {
        println!("FAILED {what}");
        self.failed += 1;
        self.failures.push(what.to_owned());
    }

    /// A failure that is recorded in the repository: listed, and not counted as failed.
    pub(crate) fn known_failure(&mut self, what: &str) {
        println!("known to fail: {what}");
        self.known += 1;
    }

    /// Names a failure that has been counted already.
    pub(crate) fn note(&mut self, what: &str) {
        self.failures.push(what.to_owned());
    }

    pub(crate) fn skip(&mut self, what: &str, why: &str) {
        println!("SKIPPED {what}: {why}");
        self.skipped.push(format!("{what}: {why}"));
    }

    /// Adds the line a Rust test program ends with: `test result: ok. 3 passed; 0 failed; …`.
    pub(crate) fn read_result(&mut self, line: &str) -> bool {
        let Some(rest) = line.trim_start().strip_prefix("test result: ") else { return false };
        let number = |word: &str| {
            let before = rest.split(&format!(" {word}")).next().unwrap_or_default();
            before.rsplit([' ', ';', '.']).next().and_then(|digits| digits.parse::<u64>().ok())
        };
        match (number("passed"), number("failed")) {
            (Some(passed), Some(failed)) => self.add(passed, failed),
            _ => self.fail(&format!("a line that cannot be read: {line}")),
        }
        true
    }

    /// Prints the closing lines; whether all is well. In CI what was left out counts as failed.
    pub(crate) fn close(mut self, in_ci: bool) -> bool {
        println!();
        for what in &self.skipped {
            println!("skipped: {what}");
        }
        if in_ci && !self.skipped.is_empty() {
            println!("CI=true: what was skipped counts as failed.");
            self.failed += u64::try_from(self.skipped.len()).unwrap_or(u64::MAX);
        }
        for what in &self.failures {
            println!("failed: {what}");
        }
        if self.known > 0 {
            println!("{} more fail as recorded: see above", self.known);
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_summed() {
        let mut tally = Tally::default();
        assert!(
            tally.read_result("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out")
        );
        assert!(tally.read_result("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured"));
        assert_eq!((tally.passed, tally.failed), (15, 2));
        assert!(!tally.close(false));
    }

    #[test]
    fn other_lines_do_not_count() {
        let mut tally = Tally::default();
        assert!(!tally.read_result("test tests::results_are_summed ... ok"));
        assert_eq!((tally.passed, tally.failed), (0, 0));
    }

    #[test]
    fn a_skip_fails_only_in_ci() {
        for (in_ci, well) in [(false, true), (true, false)] {
            let mut tally = Tally::default();
            tally.skip("clients", "no tmux");
            assert_eq!(tally.close(in_ci), well);
        }
    }
}
