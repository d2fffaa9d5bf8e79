//! docs/observe.md describes the lines of the log: every member, endpoint and outcome that the code can
//! write stands there, and nothing else. So it is of each line that any test of the service sees.

use std::collections::BTreeSet;
use std::fs;

use edge_token::context::Audit;

use super::*;

const FILE: &str = include_str!("../../docs/observe.md");
const SERVICE: &str = include_str!("../../src/service.rs");
const ENDPOINT: &str = include_str!("../../src/dialect/endpoint.rs");

/// The words between backticks in the first column of the table under a heading.
fn told(heading: &str) -> BTreeSet<&'static str> {
    let (_, section) = FILE.split_once(heading).expect(heading);
    let rows = section
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect()
}

/// What stands between each `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: char) -> BTreeSet<&'a str> {
    let rest = text.split(before).skip(1);
    rest.filter_map(|rest| Some(rest.split_once(after)?.0))
        .collect()
}

/// All that a function consists of.
fn body<'a>(text: &'a str, begin: &str) -> &'a str {
    let (_, body) = text.split_once(begin).expect(begin);
    body.split("\n}\n").next().unwrap_or_default()
}

/// Asserts that each member of a line is told of, and its endpoint and outcome.
pub(super) fn check(log: &Log) {
    let (Log::Info(line) | Log::Warning(line) | Log::Error(line)) = log;
    let line = serde_json::from_str::<Value>(line).unwrap();
    let members = told("## The lines");
    for name in line.as_object().unwrap().keys() {
        assert!(members.contains(name.as_str()), "`{name}` of {line}");
    }
    for (member, heading) in [("outcome", "### Outcomes"), ("endpoint", "### Endpoints")] {
        let word = line[member].as_str().unwrap();
        assert!(told(heading).contains(word), "{member} `{word}`");
    }
}

#[test]
fn every_member_that_can_be_written_is_told_of_and_no_other() {
    let audit = Audit::default();
    let mut written = audit.members().map(|(name, _)| name).to_vec();
    let reply = body(SERVICE, "let text = is_logged.then(");
    written.extend(between(reply, "(\"", '"'));
    for separator in ["{\"", ",\""] {
        written.extend(
            between(reply, separator, '"')
                .into_iter()
                .filter(|name| *name != "{name}"),
        );
    }
    assert!(written.contains(&"version") && written.contains(&"record_age"));
    assert_eq!(told("## The lines"), written.into_iter().collect());
}

#[test]
fn every_outcome_and_endpoint_is_told_of_and_no_other() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/endpoint");
    let sources = fs::read_dir(folder).unwrap().map(|file| {
        let path = file.unwrap().path();
        fs::read_to_string(path).unwrap()
    });
    let sources = sources.collect::<String>();
    let mut outcomes = between(&sources, "audit.done = Some(\"", '"');
    assert!(outcomes.len() > 5);
    outcomes.extend(["issued", "rejected", "failed"]);
    assert_eq!(told("### Outcomes"), outcomes);

    let name = body(ENDPOINT, "pub fn name(self)")
        .split("    }\n\n")
        .next()
        .unwrap();
    let mut endpoints = between(name, "=> \"", '"');
    endpoints.extend(["health", "none"]);
    // Nothing is logged of documents but faults.
    assert!(endpoints.contains("jwks"));
    assert_eq!(told("### Endpoints"), endpoints);
}

#[test]
fn the_lines_of_the_cron_trigger_have_the_members_that_are_told() {
    let service = Service::new(&[], &|_| None);
    let warnings = service.key_warnings(UnixTime::from_seconds(NOW));
    let [Log::Error(line)] = warnings.as_slice() else {
        panic!("{warnings:?}");
    };
    let line = serde_json::from_str::<Value>(line).unwrap();
    let members = line.as_object().unwrap().keys().map(String::as_str);
    assert_eq!(told("### Of the cron trigger"), members.collect());
}
