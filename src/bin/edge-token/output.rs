//! How a result is printed: as JSON for programs, as lines and tables for people.

use std::io::{IsTerminal as _, Write as _};

use comfy_table::{ContentArrangement, Table, presets};
use edge_token::time::UnixTime;
use serde_json::{Map, Value};

use crate::Error;
use crate::moment::date;

/// How people see a result.
#[derive(Clone, Copy)]
pub(crate) enum View {
    /// As JSON too: it is to be stored, or to be read by another program.
    Json,
    /// Its members, each on a line; what is a list of objects as a table.
    Members,
    /// A list, as a table with these members.
    Table(&'static [&'static str]),
}

/// Members that are moments, in seconds since 1970.
const MOMENTS: [&str; 11] = [
    "at",
    "before",
    "exp",
    "expires_at",
    "nbf",
    "not_before",
    "published_from",
    "retires_at",
    "signs_from",
    "signs_until",
    "updated_at",
];

/// Members that are objects of moments.
const OF_MOMENTS: [&str; 2] = ["clients", "subjects"];

/// What stands in the namespace now, which is nothing to read.
const NOT_FOR_PEOPLE: &str = "kv";

/// How many entries of a list are shown.
const SHOWN: usize = 20;

/// Whether a person reads the result.
pub(crate) fn is_for_people() -> bool {
    std::io::stdout().is_terminal()
}

/// Prints a result: for people if one reads it and did not ask for JSON.
pub(crate) fn print(result: &Value, view: View, json: bool) -> Result<(), Error> {
    let text = match view {
        View::Members | View::Table(_) if !json && is_for_people() => {
            for_people(result, view, width())
        }
        _ => format!("{result}\n"),
    };
    write(text.as_bytes())
}

/// Writes to standard output.
pub(crate) fn write(octets: &[u8]) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    let written = stdout.write_all(octets).and_then(|()| stdout.flush());
    written.map_err(|error| Error::File {
        path: "standard output".into(),
        error,
    })
}

/// The width of the terminal.
fn width() -> u16 {
    const DEFAULT: u16 = 100;
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map_or(DEFAULT, |(width, _)| width.0)
}

fn for_people(result: &Value, view: View, width: u16) -> String {
    match (result, view) {
        (Value::Array(rows), View::Table(columns)) => table(rows, columns, width),
        (Value::Array(rows), _) => table(rows, &[], width),
        (Value::Object(members), _) => lines(members, width),
        _ => format!("{}\n", cell("", result)),
    }
}

/// The members of an object: first those with one value, then those that are tables of their own.
fn lines(members: &Map<String, Value>, width: u16) -> String {
    let is_table = |value: &Value| match value {
        Value::Array(list) => list.first().is_some_and(Value::is_object),
        Value::Object(members) => !members.is_empty(),
        _ => false,
    };
    let shown = members.iter().filter(|(name, _)| *name != NOT_FOR_PEOPLE);
    let (tables, values) = shown.partition::<Vec<_>, _>(|(_, value)| is_table(value));
    let mut rows = empty_table(width);
    for (name, value) in values {
        rows.add_row([format!("{}:", words(name)), cell(name, value)]);
    }
    let mut text = match rows.is_empty() {
        true => String::new(),
        false => printed(&rows),
    };
    for (name, value) in tables {
        let inner = match value {
            Value::Array(list) => table(list, &[], width),
            Value::Object(members) => {
                let mut rows = empty_table(width);
                for (inner, value) in members {
                    let is_moment = OF_MOMENTS.contains(&name.as_str());
                    let name = if is_moment { "at" } else { inner };
                    rows.add_row([printable(inner), cell(name, value)]);
                }
                printed(&rows)
            }
            _ => continue,
        };
        text.push_str(&format!("\n{}:\n{inner}", words(name)));
    }
    text
}

/// A table of objects with these members, as wide as the terminal.
pub(crate) fn table_of(rows: &[Value], columns: &[&str]) -> String {
    table(rows, columns, width())
}

/// A table of objects: of these members, or of all; without those that no row has.
fn table(rows: &[Value], columns: &[&str], width: u16) -> String {
    if rows.is_empty() {
        return "none\n".to_owned();
    }
    let mut names = columns.to_vec();
    if columns.is_empty() {
        for name in rows.iter().filter_map(Value::as_object).flatten() {
            if !names.contains(&name.0.as_str()) {
                names.push(name.0);
            }
        }
    }
    names.retain(|name| {
        let mut values = rows.iter().filter_map(|row| row.get(name));
        values.any(|value| !value.is_null())
    });
    let mut table = empty_table(width);
    table.set_header(names.iter().map(|name| words(name).to_uppercase()));
    // What is not of the list's kind is told elsewhere.
    let first = columns.first();
    let is_shown = |row: &&Value| first.is_none_or(|name| row.get(name).is_some());
    for row in rows.iter().filter(is_shown) {
        let value = |name: &&str| row.get(*name).unwrap_or(&Value::Null);
        table.add_row(names.iter().map(|name| cell(name, value(name))));
    }
    printed(&table)
}

fn empty_table(width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(width);
    table
}

/// A table as text, without what only fills lines.
fn printed(table: &Table) -> String {
    let lines = table.lines();
    let lines =
        lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(&line).trim_end()));
    lines.collect()
}

/// A value in few words.
fn cell(name: &str, value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::Number(number) if MOMENTS.contains(&name) => match number.as_u64() {
            None | Some(0) => "-".to_owned(),
            Some(seconds) => date(UnixTime::from_seconds(seconds)),
        },
        Value::String(text) => printable(text),
        Value::Array(list) if !list.iter().any(Value::is_object) => {
            let shown = list.iter().take(SHOWN).map(|value| cell(name, value));
            let shown = shown.collect::<Vec<_>>().join(", ");
            match list.len() {
                0 => "-".to_owned(),
                all if all > SHOWN => format!("{shown}, … ({all} in all)"),
                _ => shown,
            }
        }
        value => printable(&value.to_string()),
    }
}

fn words(name: &str) -> String {
    printable(name).replace('_', " ")
}

/// Takes from a text what would move the cursor or turn the line: some names are strangers' words.
pub(crate) fn printable(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let harmless = |c: char| match c.is_control() || turns(c) {
        true => '\u{fffd}',
        false => c,
    };
    text.chars().map(harmless).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_lines_and_lists_of_objects_are_tables() {
        let result = json!({
            "client_id": "app", "disabled": false, "audience": ["a", "b"], "claims": {"tier": 1},
            "secrets": [{"id": "0a", "expires_at": 1_795_376_712_u64}, {"id": "0b"}],
            "updated_at": 0, "kv": {"key": "k"}, "resources": [],
        });
        let text = for_people(&result, View::Members, 100);
        let expected = [
            "audience:    a, b",
            "client id:   app",
            "disabled:    no",
            "resources:   -",
            "updated at:  -",
            "",
            "claims:",
            "tier  1",
            "",
            "secrets:",
            "EXPIRES AT            ID",
            "2026-11-22 19:45:12Z  0a",
            "-                     0b",
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_table_has_the_columns_that_some_row_has_and_no_line_is_wider_than_the_terminal() {
        let long = "word ".repeat(40);
        let rows = json!([{"client_id": "a", "client_name": long}, {"key": "b", "error": "c"}]);
        let columns = View::Table(&["client_id", "client_name", "scope"]);
        for width in [40, 80] {
            let text = for_people(&rows, columns, width);
            assert!(text.starts_with("CLIENT ID"), "{text}");
            assert!(!text.contains("SCOPE") && !text.contains("KEY") && !text.contains('-'));
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width.into()), "{text}");
        }
        assert_eq!(for_people(&json!([]), columns, 80), "none\n");
    }

    #[test]
    fn strangers_words_cannot_harm_the_terminal() {
        let result = json!({"client_name": "\u{1b}[2J\r\u{202e}x", "\u{7}": {"\u{1b}": "\u{9b}"}});
        let text = for_people(&result, View::Members, 100);
        let harms = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(harms), "{text:?}");
        let many = json!({ "taken": vec!["a"; 10_000] });
        let text = for_people(&many, View::Members, 80);
        assert!(text.contains("… (10000") && text.len() < 200, "{text}");
    }
}
