//! `setup`: what a set-up lacks, and the command that mends it. It changes nothing.
//!
//! Each row stands for one thing that an operator sets up; what depends on one that is missing is
//! left out, so that each fault has one row.

mod project;
mod secrets;

use std::process::ExitCode;

use edge_token::time::{Seconds, UnixTime};
use serde::Serialize;
use serde_json::json;

use crate::output::{View, is_for_people, printable};
use crate::target::{Kind, Target};
use crate::{Error, now, output, target};

#[derive(Serialize)]
struct Row {
    name: String,
    result: Outcome,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

#[derive(Clone, Copy, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Pass,
    /// Allowed, and perhaps not what is wanted.
    Remark,
    Fail,
    /// It cannot be known here.
    Unknown,
}

/// What is looked at, and what was found so far.
struct Setup<'a> {
    target: &'a Target,
    now: UnixTime,
    rows: Vec<Row>,
}

/// Some realms' keys: the secrets that hold them, and how long their tokens live.
struct Keys {
    secrets: Vec<String>,
    token_lifetime: Seconds,
}

/// Looks at everything, prints what it found, and tells by the status whether all is well.
pub(crate) fn run(target: &Target, json: bool) -> Result<ExitCode, Error> {
    target.not_print()?;
    target::project()?;
    let mut setup = Setup {
        target,
        now: now(),
        rows: Vec::new(),
    };
    setup.look();
    let rows = setup.rows;
    let count = |outcome| rows.iter().filter(|row| row.result == outcome).count();
    let failed = count(Outcome::Fail);
    if !json && is_for_people() {
        output::write(for_people(&rows).as_bytes())?;
    } else {
        let result = json!({
            "checks": rows, "passed": count(Outcome::Pass), "remarks": count(Outcome::Remark),
            "failed": failed, "unknown": count(Outcome::Unknown),
        });
        output::print(&result, View::Json, json)?;
    }
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The rows for people: commands on lines of their own, to be copied.
fn for_people(rows: &[Row]) -> String {
    let width = rows.iter().map(|row| row.name.chars().count()).max();
    let width = width.unwrap_or(0);
    let mut text = String::new();
    for Row {
        name,
        result,
        detail,
        mend,
    } in rows
    {
        let word = match result {
            Outcome::Pass => "pass   ",
            Outcome::Remark => "remark ",
            Outcome::Fail => "FAIL   ",
            Outcome::Unknown => "unknown",
        };
        text.push_str(&format!(
            "{word}  {:width$}  {}\n",
            printable(name),
            printable(detail)
        ));
        if let Some(mend) = mend {
            text.push_str(&format!("         mend it: {}\n", printable(mend)));
        }
    }
    text.push_str(match rows.iter().any(|row| row.result == Outcome::Fail) {
        true => "\nMend the first fault first: others may come of it.\n",
        false => "\nNothing is missing.\n",
    });
    text
}

impl Setup<'_> {
    fn add(
        &mut self,
        name: &str,
        result: Outcome,
        detail: impl Into<String>,
        mend: Option<String>,
    ) {
        self.rows.push(Row {
            name: name.to_owned(),
            result,
            detail: detail.into(),
            mend,
        });
    }

    fn pass(&mut self, name: &str, detail: impl Into<String>) {
        self.add(name, Outcome::Pass, detail, None);
    }

    fn fail(&mut self, name: &str, detail: impl Into<String>, mend: impl Into<String>) {
        self.add(name, Outcome::Fail, detail, Some(mend.into()));
    }

    fn look(&mut self) {
        let has_wrangler = self.node() && self.wrangler();
        let Some(configuration) = self.environment() else {
            return;
        };
        self.bindings(&configuration);
        let keys = self.realms(&configuration);
        if !has_wrangler {
            return;
        }
        match self.target.kind {
            Kind::Remote => self.deployed(&keys),
            _ => self.local(&keys),
        }
    }

    /// A command of this tool on the same target.
    fn command(&self, words: &str) -> String {
        let mut command = format!("cargo run -- {words}");
        if self.target.kind == Kind::Remote {
            command.push_str(" --remote");
        }
        command.push_str(&self.env());
        if let Some(folder) = &self.target.persist_to {
            command.push_str(&format!(" --persist-to {}", quoted(folder)));
        }
        command
    }

    fn env(&self) -> String {
        let env = self.target.env.as_ref();
        env.map_or(String::new(), |env| format!(" --env {}", quoted(env)))
    }
}

/// The option that names a secret, unless it is the default one.
fn option(secret: &str) -> String {
    match secret {
        "SIGNING_KEYS" => String::new(),
        other => format!(" --secret {}", quoted(other)),
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_quoted_for_a_shell() {
        for (word, quoted) in [
            ("production", "production"),
            ("/tmp/a b", "'/tmp/a b'"),
            ("it's", r"'it'\''s'"),
            ("$(x)", "'$(x)'"),
            ("", "''"),
        ] {
            assert_eq!(super::quoted(word), quoted);
        }
    }
}
