//! What an import says: of each client what was taken, what is different, what stays behind and
//! why. As tables for a terminal, as JSON, as Markdown for a change ticket, and as lines beside
//! JSON. Complaints that are equal are said once, with their clients. No secret is in any of them.

use serde_json::{Map, Value, json};

use super::keycloak::IS_OWN;
use super::{NoteKind, Notes, Place, Setting};
use crate::output::{self, printable};

/// What became of one client.
pub(crate) struct Row {
    pub(crate) client_id: String,
    pub(crate) place: Place,
    pub(crate) result: RowResult,
    /// What it has here, in few words.
    pub(crate) taken: Vec<String>,
    pub(crate) notes: Notes,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum RowResult {
    Taken,
    /// Why.
    LeftOut(String),
    /// Why.
    Wrong(String),
}

/// What became of all.
pub(crate) struct Report {
    /// What was read.
    pub(crate) file: String,
    pub(crate) realm: String,
    pub(crate) rows: Vec<Row>,
    /// How the files were read.
    pub(crate) about: Vec<String>,
    /// What is to be said of the realm.
    pub(crate) notes: Notes,
    /// Lines for wrangler.toml, and the table that they belong to.
    pub(crate) settings: Vec<Setting>,
    pub(crate) table: String,
    /// What was written, in one sentence.
    pub(crate) outcome: String,
}

/// The name of the realm among clients.
const REALM: &str = "(the realm)";

/// How many clients a line names.
const NAMED: usize = 12;

/// How many clients the table on a terminal has.
const ROWS: usize = 200;

impl Report {
    /// Complaints and notes, each once with its clients: what is wrong first.
    pub(crate) fn groups(&self) -> Vec<Group<'_>> {
        let mut groups = Groups::default();
        for row in &self.rows {
            if let RowResult::Wrong(why) = &row.result {
                groups.add("wrong", "Wrong", why, row);
            }
        }
        for row in &self.rows {
            if let RowResult::LeftOut(why) = &row.result {
                groups.add("left_out", "Left out", why, row);
            }
        }
        for kind in NoteKind::ALL {
            for (_, text) in self.notes.0.iter().filter(|(known, _)| *known == kind) {
                groups.of_realm(kind, text);
            }
            for row in &self.rows {
                for (_, text) in row.notes.0.iter().filter(|(known, _)| *known == kind) {
                    groups.add(kind.name(), kind.words(), text, row);
                }
            }
        }
        groups.all
    }

    fn count(&self, is_it: fn(&RowResult) -> bool) -> usize {
        self.rows.iter().filter(|row| is_it(&row.result)).count()
    }

    /// How many were taken, left out and wrong.
    pub(crate) fn counts(&self) -> [usize; 3] {
        [
            self.count(|result| *result == RowResult::Taken),
            self.count(|result| matches!(result, RowResult::LeftOut(_))),
            self.count(|result| matches!(result, RowResult::Wrong(_))),
        ]
    }

    /// The whole, for programs.
    pub(crate) fn json(&self) -> Map<String, Value> {
        let taken = self
            .rows
            .iter()
            .filter(|row| row.result == RowResult::Taken);
        let taken = taken.map(|row| row.client_id.as_str()).collect::<Vec<_>>();
        let refused = |is_it: fn(&RowResult) -> Option<&String>| {
            let rows = self.rows.iter();
            let refused = rows.filter_map(|row| {
                let why = is_it(&row.result)?;
                Some(placed(
                    json!({ "client_id": row.client_id, "why": why }),
                    &row.place,
                ))
            });
            refused.collect::<Vec<_>>()
        };
        let left_out = refused(|result| match result {
            RowResult::LeftOut(why) => Some(why),
            _ => None,
        });
        let wrong = refused(|result| match result {
            RowResult::Wrong(why) => Some(why),
            _ => None,
        });
        let clients = self.rows.iter().map(Row::json).collect::<Vec<_>>();
        let notes = self.groups().into_iter().map(
            |group| json!({ "kind": group.kind, "what": group.what, "clients": group.clients }),
        );
        let whole = json!({
            "taken": taken, "left_out": left_out, "wrong": wrong,
            "clients": clients, "notes": notes.collect::<Vec<_>>(), "about": self.about,
            "wrangler_toml": self.wrangler_toml(), "outcome": self.outcome,
        });
        match whole {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    /// The lines for wrangler.toml, if there are any.
    fn wrangler_toml(&self) -> Option<String> {
        if self.settings.is_empty() {
            return None;
        }
        let lines = self
            .settings
            .iter()
            .map(|setting| format!("{} # {}\n", setting.line, setting.why));
        Some(format!("[{}]\n{}", self.table, lines.collect::<String>()))
    }

    /// The whole, as tables.
    pub(crate) fn for_people(&self) -> String {
        let groups = self.groups();
        let number = |row: &Row| {
            let all = groups.iter().zip(1_usize..);
            let own = all.filter(|(group, _)| group.rows.contains(&std::ptr::from_ref(row)));
            let own = own.map(|(_, number)| number.to_string());
            own.collect::<Vec<_>>().join(" ")
        };
        let told = self.rows.iter().filter(|row| row.result.is_told());
        let rows = told.clone().take(ROWS).map(|row| {
            json!({
                "client": row.client_id, "line": row.place.line, "result": row.result.words(),
                "taken": row.taken.join("; "), "notes": number(row),
            })
        });
        let rows = rows.collect::<Vec<_>>();
        let mut text = output::table_of(&rows, &["client", "line", "result", "taken", "notes"]);
        let more = told.count().saturating_sub(ROWS);
        if more > 0 {
            text.push_str(&format!(
                "… and {more} more: --markdown and --json have them\n"
            ));
        }
        let notes = groups.iter().zip(1_usize..).map(|(group, number)| {
            let of = match group.clients.len() {
                1 => group
                    .clients
                    .first()
                    .copied()
                    .unwrap_or_default()
                    .to_owned(),
                all if all > NAMED => format!("{all} clients"),
                _ => group.clients.join(", "),
            };
            json!({ "note": number, "what": group.words, "why": group.what, "clients": of })
        });
        let notes = notes.collect::<Vec<_>>();
        if !notes.is_empty() {
            text.push('\n');
            text.push_str(&output::table_of(
                &notes,
                &["note", "what", "why", "clients"],
            ));
        }
        if let Some(lines) = self.wrangler_toml() {
            text.push_str(&format!(
                "\nFor wrangler.toml:\n\n{}",
                printable_lines(&lines)
            ));
        }
        for line in &self.about {
            text.push_str(&format!("\n{}.", printable(line)));
        }
        text.push_str(&format!("\n{}\n", printable(&self.outcome)));
        text
    }

    /// The complaints and notes as lines, for people who see no table.
    pub(crate) fn lines(&self) -> Vec<String> {
        let about = self
            .about
            .iter()
            .map(|line| format!("Note: {}.", printable(line)));
        let mut lines = about.collect::<Vec<_>>();
        for group in self.groups() {
            let named = group.places.iter().take(NAMED).zip(&group.clients);
            let named = named.map(|(place, client)| match place {
                None => format!("`{}`", printable(client)),
                Some(place) => format!("`{}` ({place})", printable(client)),
            });
            let mut of = named.collect::<Vec<_>>().join(", ");
            let more = group.clients.len().saturating_sub(NAMED);
            if more > 0 {
                of.push_str(&format!(" and {more} more"));
            }
            lines.push(format!("{}: {of}: {}.", group.words, printable(group.what)));
        }
        if let Some(settings) = self.wrangler_toml() {
            lines.push(format!(
                "For wrangler.toml:\n{}",
                printable_lines(&settings)
            ));
        }
        lines
    }

    /// The whole, for a change ticket.
    pub(crate) fn markdown(&self) -> String {
        let [taken, left_out, wrong] = self.counts();
        let mut text = format!(
            "# Import of {} into the realm {}\n\n{}\n\n| taken | left out | wrong \
             |\n|--:|--:|--:|\n| {taken} | {left_out} | {wrong} |\n",
            code(&self.file),
            code(&self.realm),
            escaped(&self.outcome),
        );
        for line in &self.about {
            text.push_str(&format!("\n- {}", escaped(line)));
        }
        text.push_str(
            "\n## Clients\n\n| client | line | result | taken | notes |\n|---|--:|---|---|---|\n",
        );
        let groups = self.groups();
        let mut numbers = std::collections::HashMap::<*const Row, Vec<String>>::new();
        for (group, number) in groups.iter().zip(1_usize..) {
            for row in &group.rows {
                numbers.entry(*row).or_default().push(number.to_string());
            }
        }
        for row in self.rows.iter().filter(|row| row.result.is_told()) {
            let own = numbers.get(&std::ptr::from_ref(row));
            text.push_str(&format!(
                "| {} | {} | {} | {} | {} |\n",
                code(&row.client_id),
                escaped(&row.place.to_string().replace("line ", "")),
                row.result.words(),
                escaped(&row.taken.join("; ")),
                own.map(|own| own.join(" ")).unwrap_or_default(),
            ));
        }
        if !groups.is_empty() {
            text.push_str("\n## Notes\n\n");
        }
        for (group, number) in groups.iter().zip(1_usize..) {
            let clients = group.clients.iter().map(|client| code(client));
            let clients = clients.collect::<Vec<_>>().join(", ");
            text.push_str(&format!(
                "{number}. **{}**: {}. {clients}\n",
                group.words,
                escaped(group.what)
            ));
        }
        if let Some(lines) = self.wrangler_toml() {
            text.push_str(&format!(
                "\n## For wrangler.toml\n\n```toml\n{}```\n",
                printable_lines(&lines)
            ));
        }
        text
    }
}

impl Row {
    fn json(&self) -> Value {
        let mut whole = json!({ "client_id": self.client_id, "result": self.result.name() });
        if let (RowResult::LeftOut(why) | RowResult::Wrong(why), Value::Object(members)) =
            (&self.result, &mut whole)
        {
            members.insert("why".into(), why.as_str().into());
        }
        if let Value::Object(members) = &mut whole {
            if self.result == RowResult::Taken {
                members.insert("taken".into(), self.taken.clone().into());
            }
            for kind in NoteKind::ALL {
                let own = self.notes.0.iter().filter(|(known, _)| *known == kind);
                let own = own.map(|(_, text)| text.as_str()).collect::<Vec<_>>();
                if !own.is_empty() {
                    members.insert(kind.name().into(), own.into());
                }
            }
        }
        placed(whole, &self.place)
    }
}

impl RowResult {
    fn name(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::LeftOut(_) => "left_out",
            Self::Wrong(_) => "wrong",
        }
    }

    /// Whether it has a line of its own: the clients that Keycloak makes for itself have one
    /// together.
    fn is_told(&self) -> bool {
        !matches!(self, Self::LeftOut(why) if why == IS_OWN)
    }

    fn words(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::LeftOut(_) => "left out",
            Self::Wrong(_) => "wrong",
        }
    }
}

/// What is said of some clients alike.
pub(crate) struct Group<'a> {
    kind: &'static str,
    words: &'static str,
    what: &'a str,
    pub(crate) clients: Vec<&'a str>,
    places: Vec<Option<&'a Place>>,
    rows: std::collections::HashSet<*const Row>,
}

#[derive(Default)]
struct Groups<'a> {
    all: Vec<Group<'a>>,
    known: std::collections::HashMap<(&'static str, &'a str), usize>,
}

impl<'a> Groups<'a> {
    fn group(
        &mut self,
        kind: &'static str,
        words: &'static str,
        what: &'a str,
    ) -> Option<&mut Group<'a>> {
        let next = self.all.len();
        let at = *self.known.entry((kind, what)).or_insert(next);
        if at == next {
            self.all.push(Group {
                kind,
                words,
                what,
                clients: Vec::new(),
                places: Vec::new(),
                rows: std::collections::HashSet::new(),
            });
        }
        self.all.get_mut(at)
    }

    fn add(&mut self, kind: &'static str, words: &'static str, what: &'a str, row: &'a Row) {
        if let Some(group) = self.group(kind, words, what) {
            group.clients.push(&row.client_id);
            group.places.push(Some(&row.place));
            group.rows.insert(std::ptr::from_ref(row));
        }
    }

    fn of_realm(&mut self, kind: NoteKind, what: &'a str) {
        if let Some(group) = self.group(kind.name(), kind.words(), what) {
            group.clients.push(REALM);
            group.places.push(None);
        }
    }
}

/// The members with where they are from.
fn placed(mut value: Value, place: &Place) -> Value {
    if let Value::Object(members) = &mut value {
        members.insert("line".into(), place.line.into());
        if let Some(file) = &place.file {
            members.insert("file".into(), file.as_str().into());
        }
    }
    value
}

fn printable_lines(text: &str) -> String {
    let lines = text.lines().map(|line| format!("{}\n", printable(line)));
    lines.collect()
}

/// A text in a cell or line of Markdown, as it is. What is between backquotes is code, and needs no
/// escape.
pub(crate) fn escaped(text: &str) -> String {
    let text = printable(text);
    let has_code = text.matches('`').count().is_multiple_of(2);
    let (mut escaped, mut is_code) = (String::new(), false);
    for c in text.chars() {
        is_code ^= c == '`' && has_code;
        let is_special = matches!(c, '|' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '\\');
        if !is_code && (is_special || c == '`' && !has_code) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// A name as code in Markdown.
pub(crate) fn code(text: &str) -> String {
    format!(
        "`{}`",
        printable(text).replace('`', "'").replace('|', "\\|")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(client_id: &str, result: RowResult, note: Option<&str>) -> Row {
        let mut notes = Notes::default();
        if let Some(text) = note {
            notes.different(text);
        }
        Row {
            client_id: client_id.to_owned(),
            place: Place {
                file: None,
                line: 7,
            },
            result,
            taken: vec!["client_credentials".to_owned()],
            notes,
        }
    }

    fn report() -> Report {
        Report {
            file: "export.json".into(),
            realm: "dx".into(),
            rows: vec![
                row("a", RowResult::Taken, Some("x | y")),
                row("b", RowResult::Taken, Some("x | y")),
                row("c", RowResult::LeftOut("public".into()), None),
                row("d|`\u{1b}", RowResult::Wrong("no secret".into()), None),
            ],
            about: vec!["it is UTF-16 LE".into()],
            notes: Notes::default(),
            settings: vec![Setting {
                line: "refresh_token_ttl = 60".into(),
                why: "there".into(),
            }],
            table: "vars.REALMS.dx".into(),
            outcome: "Nothing was written.".into(),
        }
    }

    #[test]
    fn equal_complaints_are_said_once_with_their_clients() {
        let report = report();
        assert_eq!(
            report.lines(),
            [
                "Note: it is UTF-16 LE.",
                "Wrong: `d|`\u{fffd}` (line 7): no secret.",
                "Left out: `c` (line 7): public.",
                "Different: `a` (line 7), `b` (line 7): x | y.",
                "For wrangler.toml:\n[vars.REALMS.dx]\nrefresh_token_ttl = 60 # there\n",
            ]
        );
        let json = Value::Object(report.json());
        assert_eq!(json["taken"], json!(["a", "b"]));
        assert_eq!(
            json["left_out"],
            json!([{"client_id": "c", "why": "public", "line": 7}])
        );
        assert_eq!(json["clients"][0]["different"], json!(["x | y"]));
        assert_eq!(
            json["notes"][2],
            json!({"kind": "different", "what": "x | y", "clients": ["a", "b"]})
        );
    }

    #[test]
    fn tables_and_markdown_have_every_client_and_no_control_characters() {
        let report = report();
        for text in [report.for_people(), report.markdown()] {
            for part in [
                "no secret",
                "public",
                "refresh_token_ttl = 60",
                "Nothing was written.",
            ] {
                assert!(text.contains(part), "{part}: {text}");
            }
            assert!(!text.contains('\u{1b}'), "{text}");
        }
        let markdown = report.markdown();
        assert!(
            markdown.contains("| `a` | 7 | taken | client\\_credentials | 3 |\n"),
            "{markdown}"
        );
        assert!(
            markdown.contains("| `d\\|'\u{fffd}` | 7 | wrong |"),
            "{markdown}"
        );
        assert!(
            markdown.contains("3. **Different**: x \\| y. `a`, `b`\n"),
            "{markdown}"
        );
    }
}
