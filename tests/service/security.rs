//! SECURITY.md's checklist of RFC 9700 names the test beside each recommendation: each must exist.

use std::fs;
use std::path::Path;

const FILE: &str = include_str!("../../SECURITY.md");

fn read(path: &str) -> Option<String> {
    fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests")
            .join(path),
    )
    .ok()
}

/// Whether a test is there: `a::b::c` is the function `c` in `a/b.rs` or `a/b/mod.rs`, and
/// `e2e/x: words` or `interop/x: words` a test of `x.test.mjs` whose title has those words.
fn exists(name: &str) -> bool {
    if let Some((file, title)) = name.split_once(": ") {
        let text = read(&format!("{file}.test.mjs")).unwrap_or_default();
        let mut titles = text.lines().filter(|line| line.contains("test("));
        return titles.any(|line| line.contains(title));
    }
    let Some((module, function)) = name.rsplit_once("::") else {
        return false;
    };
    let path = module.replace("::", "/");
    let text = read(&format!("{path}.rs")).or_else(|| read(&format!("{path}/mod.rs")));
    let test = format!("#[test]\nfn {function}()");
    text.is_some_and(|text| text.contains(&test))
}

/// The rows of the checklist: the section of RFC 9700, and the tests.
fn rows() -> Vec<(&'static str, &'static str)> {
    let (_, checklist) = FILE.split_once("## RFC 9700").expect("the checklist");
    let rows = checklist.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let section = cells.next()?;
        let tests = cells.last()?;
        section.starts_with(['2', '4']).then_some((section, tests))
    });
    rows.collect()
}

#[test]
fn every_test_that_the_checklist_names_exists() {
    for (section, tests) in rows() {
        // Every other piece stands between backticks.
        let names = tests.split('`').skip(1).step_by(2).collect::<Vec<_>>();
        let is_told = matches!(tests, "–" | "not tested");
        assert_ne!(names.is_empty(), !is_told, "§{section}: {tests}");
        for name in names {
            assert!(exists(name), "§{section}: there is no test {name}");
        }
    }
    assert!(!exists("service::security::there_is_no_such_test"));
    assert!(!exists("e2e/token: there is no such test"));
}

#[test]
fn the_checklist_leaves_no_section_out() {
    let rows = rows();
    let has = |section: &str| {
        let mut all = rows.iter().flat_map(|(sections, _)| sections.split(", "));
        all.any(|one| one == section || one.starts_with(&format!("{section}.")))
    };
    for section in 1..=6 {
        assert!(has(&format!("2.{section}")), "§2.{section}");
    }
    for section in 1..=17 {
        assert!(has(&format!("4.{section}")), "§4.{section}");
    }
}
