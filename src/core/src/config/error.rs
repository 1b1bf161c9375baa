//! Mistakes in the config: file, line, the reason and the way out.

use std::fmt;
use std::path::{Path, PathBuf};

/// A mistake in the config.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    file: Option<PathBuf>,
    line: Option<usize>,
    /// A word of the text near the mistake, to find the line by.
    near: Option<String>,
    reason: String,
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}", file.display())?;
            if let Some(line) = self.line {
                write!(f, ", line {line}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.reason)
    }
}

impl ConfigError {
    pub(super) fn plain(reason: String) -> Self {
        Self { file: None, line: None, near: None, reason }
    }

    pub(super) fn at(near: &str, reason: String) -> Self {
        Self { near: Some(near.to_owned()), ..Self::plain(reason) }
    }

    pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let reason = format!(
            "cannot be read: {error}. Name another file with --config, or leave it out to try a server on localhost"
        );
        Self { file: Some(file.to_owned()), ..Self::plain(reason) }
    }

    pub(super) fn from_toml(error: &toml::de::Error, text: &str, file: &Path) -> Self {
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map(|before| before.matches('\n').count() + 1);
        Self { file: Some(file.to_owned()), line, near: None, reason: explain(error.message()) }
    }

    pub(super) fn in_module(module: &str, error: &toml::de::Error) -> Self {
        let near = unknown_key(error.message()).map(str::to_owned);
        let near = near.unwrap_or_else(|| format!("modules.{module}"));
        Self { near: Some(near), ..Self::plain(format!("module {module}: {}", explain(error.message()))) }
    }

    /// Finds the line of a mistake that the parser did not place.
    pub(super) fn locate(mut self, text: &str, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        if let Some(near) = &self.near {
            let line = text
                .lines()
                .position(|line| !line.trim_start().starts_with('#') && line.contains(near.as_str()));
            self.line = line.map(|index| index + 1);
        }
        self
    }
}

/// Adds the nearest known key to the parser's words.
fn explain(message: &str) -> String {
    let Some(key) = unknown_key(message) else { return message.trim().to_owned() };
    let known = message.split('`').skip(3).step_by(2);
    format!("there is no key \"{key}\" here{}", did_you_mean(key, known))
}

fn unknown_key(message: &str) -> Option<&str> {
    message.trim_start().strip_prefix("unknown field `")?.split('`').next()
}

/// `: did you mean "name"?`, or the known names if none is near.
pub(super) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|name| (distance(word, name), *name)).min();
    match near {
        Some((far, name)) if far <= word.len().max(3) / 2 => format!(": did you mean \"{name}\"?"),
        Some(_) => format!("; known are: {}", known.join(", ")),
        None => String::new(),
    }
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(row.first_mut().unwrap_or(&mut 0), i + 1);
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(ca != *cb);
            diagonal = *cell;
            left = changed.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}
