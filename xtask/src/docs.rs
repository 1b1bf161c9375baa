//! The generated parts of the documentation, and whether links lead somewhere.
//!
//! What is generated comes from the programs themselves: `waxwing facts KIND` prints what the modules declare,
//! and the conformance tests print their table. Here it only goes to its place.

use std::fs;
use std::path::{Path, PathBuf};

use crate::needs;
use crate::options::Options;
use crate::run;
use crate::tally::Tally;

/// Where one generated text goes.
enum Place {
    /// The whole file.
    File(&'static str),
    /// Between `<!-- generated: NAME -->` and `<!-- end of NAME -->` in the file.
    Part(&'static str, &'static str),
}

/// Who prints it: the package and the words of its command line.
struct Source(&'static str, &'static [&'static str]);

const GENERATED: [(Place, Source); 3] = [
    (Place::Part("README.md", "specifications"), Source("waxwing", &["facts", "readme"])),
    (Place::File("waxwing.doap"), Source("waxwing", &["facts", "doap"])),
    (Place::File("docs/conformance.md"), Source("conformance-tests", &["--bin", "table"])),
];

/// Writes everything that is generated.
pub(crate) fn write(_: &Options) -> Result<bool, String> {
    for (place, source) in &GENERATED {
        let (path, fresh, text) = compare(place, source)?;
        if fresh {
            println!("{} is up to date", path.display());
        } else {
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{} written", path.display());
        }
    }
    Ok(true)
}

/// Checks that nothing generated is out of date, and that every link into the repository has an end.
pub(crate) fn check(_: &Options, tally: &mut Tally) {
    for (place, source) in &GENERATED {
        match compare(place, source) {
            Ok((path, fresh, _)) => {
                tally.check(&format!("{} is out of date: cargo xtask docs", path.display()), fresh)
            }
            Err(why) => tally.fail(&why),
        }
    }
    match links() {
        Ok(broken) if broken.is_empty() => tally.check("links", true),
        Ok(broken) => broken.iter().for_each(|link| tally.fail(&format!("no such file: {link}"))),
        Err(why) => tally.fail(&why),
    }
    scripts(tally);
}

/// The file, whether it is as it should be, and how it should be.
fn compare(place: &Place, source: &Source) -> Result<(PathBuf, bool, String), String> {
    let Source(package, words) = source;
    let mut command = run::cargo(&["run", "--quiet", "--locked", "--release", "--package", package]);
    if !words.starts_with(&["--bin"]) {
        command.arg("--");
    }
    let text = run::output(command.args(*words))?;
    let (Place::File(name) | Place::Part(name, _)) = place;
    let path = run::root().join(name);
    let now = fs::read_to_string(&path).unwrap_or_default();
    let wanted = match place {
        Place::File(_) => text,
        Place::Part(_, part) => {
            replaced(&now, part, &text).ok_or_else(|| format!("{name} has no part '{part}'"))?
        }
    };
    Ok((path, now == wanted, wanted))
}

/// `text` put between the marks of `part`.
fn replaced(page: &str, part: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- generated: {part} -->"), format!("<!-- end of {part} -->"));
    let (before, rest) = page.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n{end}{after}", text.trim_end()))
}

/// Relative links in Markdown files that lead nowhere.
fn links() -> Result<Vec<String>, String> {
    let files =
        run::output(std::process::Command::new("git").current_dir(run::root()).args(["ls-files", "*.md"]))?;
    let mut broken = Vec::new();
    for file in files.lines() {
        let path = run::root().join(file);
        let page = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
        let folder = path.parent().unwrap_or(&path);
        broken.extend(
            targets(&page)
                .filter(|target| !leads(folder, target))
                .map(|target| format!("{target} in {file}")),
        );
    }
    Ok(broken)
}

/// What stands between `](` and `)`.
fn targets(page: &str) -> impl Iterator<Item = &str> {
    page.split("](").skip(1).filter_map(|rest| rest.split([')', ' ', '\n']).next())
}

fn leads(folder: &Path, target: &str) -> bool {
    let file = target.split('#').next().unwrap_or_default();
    file.is_empty() || file.contains(':') || folder.join(file).exists()
}

/// Shell scripts, where shellcheck can be had.
fn scripts(tally: &mut Tally) {
    if let Err(why) = needs::programs(&[("shellcheck", "shellcheck")]) {
        return tally.skip("shellcheck", &why);
    }
    let mut command = std::process::Command::new("shellcheck");
    command.current_dir(run::root()).args([".ci/run", "certs/make-dev-ca", "clients/profanity.sh"]);
    tally.check("shellcheck", run::succeeds(&mut command));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let page = "a\n<!-- generated: x -->\nold\n<!-- end of x -->\nb\n";
        let wanted = "a\n<!-- generated: x -->\nnew\n<!-- end of x -->\nb\n";
        assert_eq!(replaced(page, "x", "new\n").as_deref(), Some(wanted));
        assert_eq!(replaced(wanted, "x", "new").as_deref(), Some(wanted));
    }

    #[test]
    fn a_part_without_marks_is_an_error() {
        assert_eq!(replaced("a\n<!-- generated: x -->\n", "x", "new"), None);
        assert_eq!(replaced("a\n", "x", "new"), None);
    }

    #[test]
    fn links_are_found() {
        let page = "see [a](b.md#c) and [d](https://e.example/) and [f](g/)\n";
        assert_eq!(targets(page).collect::<Vec<_>>(), ["b.md#c", "https://e.example/", "g/"]);
        let root = run::root();
        assert!(
            leads(&root, "Cargo.toml#package") && leads(&root, "https://e.example/") && leads(&root, "#here")
        );
        assert!(!leads(&root, "no-such-file.md"));
    }
}
