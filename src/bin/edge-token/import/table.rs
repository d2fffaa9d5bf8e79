//! Tables as text (RFC 4180): the first line names the columns, and commas, semicolons or tabs
//! separate them.

use serde_json::{Map, Value};

use super::shape::{Entry, Place};

/// What may stand between two cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// The columns that name a client.
const IDS: [&str; 2] = ["client_id", "clientId"];

/// The columns of secrets.
const SECRETS: [&str; 2] = ["client_secret", "clientSecret"];

/// Reads a table, whose cells are all strings; one that is empty is left out.
pub(crate) fn read(text: &str, file: Option<&str>) -> Result<Vec<Entry>, String> {
    // What spreadsheets put before the first line.
    let (text, before) = match text.split_once('\n') {
        Some((first, rest)) if first.trim_end().starts_with("sep=") => (rest, 2),
        _ => (text, 1),
    };
    let separator = SEPARATORS.into_iter().find(|separator| {
        let names = names(text, *separator);
        names.is_ok_and(|names| names.iter().any(|name| IDS.contains(&name.as_str())))
    });
    let Some(separator) = separator else {
        return Err(unknown(text));
    };
    let names = names(text, separator)?;
    if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| {
        let before = names.get(..at)?;
        before.contains(name).then_some(name)
    }) {
        return Err(format!("the column `{twice}` is there twice"));
    }
    let (mut entries, mut lines) = (
        Vec::new(),
        Lines {
            text,
            seen: 0,
            line: before,
        },
    );
    for row in reader(text, separator).records() {
        // The error of the reader tells where, and quotes nothing.
        let row = row.map_err(|error| error.to_string())?;
        let at = row.position().map_or(0, csv::Position::byte);
        let line = lines.at(usize::try_from(at).unwrap_or_default());
        if row.iter().all(|cell| cell.trim().is_empty()) {
            continue;
        }
        let filled = names
            .iter()
            .zip(&row)
            .filter(|(_, cell)| !cell.trim().is_empty());
        let is_loose = |(name, cell): &(&String, &str)| {
            SECRETS.contains(&name.as_str()) && cell.trim() != *cell
        };
        let loose = filled.clone().find(is_loose);
        let members = filled.map(|(name, cell)| (name.clone(), cell.trim().into()));
        let members = members.collect::<Map<_, Value>>();
        let value = match row.len() == names.len() {
            true if loose.is_some() => Err(
                "its secret has white space before or after it: take it away, or use JSON"
                    .to_owned(),
            ),
            true => Ok(Value::Object(members)),
            false => Err(format!(
                "has {} cells and the first line {}: is a cell with the separator in it not \
                 quoted?",
                row.len(),
                names.len()
            )),
        };
        entries.push(Entry {
            place: Place {
                file: file.map(str::to_owned),
                line,
            },
            value,
        });
    }
    Ok(entries)
}

/// Counts lines as one goes on in a text.
struct Lines<'a> {
    text: &'a str,
    seen: usize,
    line: usize,
}

impl Lines<'_> {
    /// The line of what begins at or after `at`: the reader leaves the end of a line to the next
    /// one.
    fn at(&mut self, at: usize) -> usize {
        let passed = self.text.as_bytes().get(self.seen..).unwrap_or_default();
        let until = at.saturating_sub(self.seen);
        let is_end = |b: &u8| matches!(b, b'\r' | b'\n');
        let ends = passed.iter().skip(until).take_while(|b| is_end(b)).count();
        let passed = passed.iter().take(until.saturating_add(ends));
        let new = passed.filter(|b| **b == b'\n').count();
        self.line = self.line.saturating_add(new);
        self.seen = self.seen.saturating_add(until).saturating_add(ends);
        self.line
    }
}

fn reader(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(separator).flexible(true);
    reader.from_reader(text.as_bytes())
}

fn names(text: &str, separator: u8) -> Result<Vec<String>, String> {
    let mut reader = reader(text, separator);
    let names = reader.headers().map_err(|error| error.to_string())?;
    Ok(names.iter().map(|name| member(name.trim())).collect())
}

/// The member of a column that people named: `Client ID` is `client_id`.
fn member(name: &str) -> String {
    let is_for_people =
        name.contains([' ', '-']) || name.starts_with(|c: char| c.is_ascii_uppercase());
    match is_for_people {
        true => name.to_ascii_lowercase().replace([' ', '-'], "_"),
        false => name.to_owned(),
    }
}

/// Why a text cannot be read as a table of clients.
fn unknown(text: &str) -> String {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let is_yaml = first.starts_with("---") || first.ends_with(':') || first.contains(": ");
    match () {
        () if first.is_empty() => "is empty".to_owned(),
        () if is_yaml => {
            "looks like YAML: convert it to JSON, by `yq -o json`, and import that".to_owned()
        }
        () if first.starts_with('<') => "looks like XML or HTML, not like JSON or CSV".to_owned(),
        () => "neither JSON nor CSV whose first line names a column client_id".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_separates_cells_is_found() {
        for separator in [",", ";", "\t", "|"] {
            let text = "client_id,client_secret,scope\nx,\"a \"\"b\"\"\",\n\n,,\ny,z,r w\n";
            let entries = read(&text.replace(',', separator), None).unwrap();
            let found = entries
                .into_iter()
                .map(|entry| (entry.place.line, entry.value));
            let expected = [
                (2, Ok(json!({"client_id": "x", "client_secret": "a \"b\""}))),
                (
                    5,
                    Ok(json!({"client_id": "y", "client_secret": "z", "scope": "r w"})),
                ),
            ];
            assert_eq!(found.collect::<Vec<_>>(), expected, "{separator:?}");
        }
    }

    #[test]
    fn what_spreadsheets_write_is_read() {
        let entries = read("sep=;\r\nClient ID;Client-Secret;scope\r\nx;y;\r\n", None).unwrap();
        assert_eq!(entries[0].place.line, 3);
        assert_eq!(
            entries[0].value,
            Ok(json!({"client_id": "x", "client_secret": "y"}))
        );
    }

    #[test]
    fn a_row_that_does_not_fit_hides_no_other() {
        let entries = read("client_id, client_secret\nx,y,z\ny\n z,a\nv, b\n", None).unwrap();
        let good = entries.iter().map(|entry| entry.value.is_ok());
        assert_eq!(good.collect::<Vec<_>>(), [false, false, true, false]);
        assert_eq!(
            entries[2].value,
            Ok(json!({"client_id": "z", "client_secret": "a"}))
        );
        let why = entries[0].value.as_ref().unwrap_err();
        assert!(why.starts_with("has 3 cells and the first line 2"), "{why}");
    }

    #[test]
    fn what_is_no_table_of_clients_says_so() {
        for (text, message) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("realm: dx\nclients:\n  - clientId: x\n", "looks like YAML"),
            ("---\nrealm: dx\n", "looks like YAML"),
            ("<html>", "looks like XML"),
            (
                "name,secret\nx,y\n",
                "neither JSON nor CSV whose first line names a column client_id",
            ),
            ("client_id,a,a\nx,y,z\n", "the column `a` is there twice"),
        ] {
            let why = read(text, None).err().unwrap_or_default();
            assert!(why.starts_with(message), "{text:?}: {why}");
        }
    }
}
