//! The shapes in which files have clients: which parts of a text are clients, on which line each
//! begins, and what belongs to the realm around them. What a client says is read elsewhere, so that
//! nothing that is wrong with one hides another.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{light_oauth2, table};

/// Where something begins.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Place {
    /// The file, where a folder is read.
    pub(crate) file: Option<String>,
    /// The line, from 1.
    pub(crate) line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            None => write!(f, "line {}", self.line),
            Some(file) => write!(f, "{file}, line {}", self.line),
        }
    }
}

/// What may be a client.
pub(crate) struct Entry {
    pub(crate) place: Place,
    /// What is there, or why that cannot be read.
    pub(crate) value: Result<Value, String>,
}

/// A realm of Keycloak, and the clients in it.
#[derive(Default)]
pub(crate) struct Export {
    /// Its name, if the file has it.
    pub(crate) name: Option<String>,
    /// Its members, but for clients and people.
    pub(crate) members: Map<String, Value>,
    /// The users that stand for a client.
    pub(crate) service_accounts: Vec<Value>,
    pub(crate) clients: Vec<Entry>,
}

/// What a text has.
#[derive(Default)]
pub(crate) struct Shapes {
    pub(crate) realms: Vec<Export>,
    /// Clients that no realm is around.
    pub(crate) entries: Vec<Entry>,
}

/// What a client of Keycloak's is known by.
const KEYCLOAK: [&str; 5] = [
    "clientId",
    "clientAuthenticatorType",
    "publicClient",
    "serviceAccountsEnabled",
    "standardFlowEnabled",
];

/// Members of pages of lists: Hydra's, and what others call them.
const PAGES: [&str; 4] = ["items", "clients", "data", "results"];

/// Reads a text: JSON, one value after another, or else a table.
pub(crate) fn read(text: &str, file: Option<&str>) -> Result<Shapes, String> {
    let mut shapes = Shapes::default();
    if !text.trim_start().starts_with(['{', '[']) {
        shapes.entries = table::read(text, file)?;
        return Ok(shapes);
    }
    let lines = Lines::of(text, file);
    for value in serde_json::Deserializer::from_str(text).into_iter::<&RawValue>() {
        // The parser's words quote nothing, but for what it expected.
        let value = value.map_err(|error| format!("is not JSON: {error}"))?;
        lines.add(value, &mut shapes)?;
    }
    Ok(shapes)
}

/// A text, and where its lines begin.
struct Lines<'a> {
    text: &'a str,
    file: Option<&'a str>,
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str, file: Option<&'a str>) -> Self {
        let ends = text.match_indices('\n').map(|(end, _)| end).collect();
        Self { text, file, ends }
    }

    /// Where a part of the text begins.
    fn place(&self, part: &RawValue) -> Place {
        let (begin, part) = (self.text.as_ptr().addr(), part.get().as_ptr().addr());
        let offset = part.saturating_sub(begin);
        let before = self.ends.partition_point(|end| *end < offset);
        Place {
            file: self.file.map(str::to_owned),
            line: before.saturating_add(1),
        }
    }

    /// Adds what one value of the text is: a list, a realm, a page of a list, or a client.
    fn add(&self, value: &'a RawValue, shapes: &mut Shapes) -> Result<(), String> {
        if value.get().starts_with('[') {
            for item in list(value)? {
                self.add_object(item, shapes)?;
            }
            return Ok(());
        }
        self.add_object(value, shapes)
    }

    fn add_object(&self, value: &'a RawValue, shapes: &mut Shapes) -> Result<(), String> {
        let is_object = value.get().starts_with('{');
        let RawMembers(mut members) = match is_object {
            true => parsed(value.get())?,
            false => RawMembers::default(),
        };
        let is_list = |name: &&&str| {
            members
                .get(**name)
                .is_some_and(|raw| raw.get().starts_with('['))
        };
        let is_client = KEYCLOAK.iter().any(|name| members.contains_key(*name))
            || members.contains_key("client_id");
        let is_realm = !is_client
            && members
                .get("realm")
                .is_some_and(|raw| raw.get().starts_with('"'));
        let page = PAGES.iter().find(is_list).filter(|_| !is_client);
        match page {
            Some(page) if !is_realm => {
                let items = members.remove(*page).map(list).transpose()?;
                let items = items.unwrap_or_default();
                let clients = items.into_iter().map(|item| self.entry(item));
                let clients = clients.collect::<Vec<_>>();
                let is_keycloak =
                    |entry: &Entry| entry.has(&KEYCLOAK) && !entry.has(&light_oauth2::MARKS);
                match *page == "clients" && clients.iter().any(is_keycloak) {
                    true => shapes.realms.push(self.realm(members, clients)?),
                    false => shapes.entries.extend(clients),
                }
            }
            _ if is_realm => {
                let clients = members.remove("clients");
                let clients = clients.filter(|raw| raw.get() != "null");
                let clients = clients.map(list).transpose()?.unwrap_or_default();
                let clients = clients.into_iter().map(|item| self.entry(item));
                let clients = clients.collect();
                shapes.realms.push(self.realm(members, clients)?);
            }
            _ => shapes.entries.push(self.entry(value)),
        }
        Ok(())
    }

    fn entry(&self, value: &RawValue) -> Entry {
        let parsed = serde_json::from_str::<Value>(value.get());
        Entry {
            place: self.place(value),
            value: parsed.map_err(|error| error.to_string()),
        }
    }

    fn realm(
        &self,
        mut members: BTreeMap<String, &'a RawValue>,
        clients: Vec<Entry>,
    ) -> Result<Export, String> {
        let users = members
            .remove("users")
            .filter(|raw| raw.get().starts_with('['));
        let users = users.map(list).transpose()?.unwrap_or_default();
        // There may be very many people, whom no import takes.
        let of_clients = users
            .into_iter()
            .filter(|raw| raw.get().contains(SERVICE_ACCOUNT));
        let of_clients = of_clients.map(|raw| parsed(raw.get()));
        let members = members
            .into_iter()
            .map(|(name, raw)| Ok((name, parsed(raw.get())?)));
        let members = members.collect::<Result<Map<_, _>, String>>()?;
        let name = members.get("realm").and_then(Value::as_str);
        Ok(Export {
            name: name.map(str::to_owned),
            service_accounts: of_clients.collect::<Result<_, _>>()?,
            members,
            clients,
        })
    }
}

/// The member that a user who stands for a client has.
pub(crate) const SERVICE_ACCOUNT: &str = "serviceAccountClientId";

impl Entry {
    /// Whether it has one of these members.
    fn has(&self, names: &[&str]) -> bool {
        let members = self.value.as_ref().ok().and_then(Value::as_object);
        members.is_some_and(|members| names.iter().any(|name| members.contains_key(*name)))
    }
}

impl Shapes {
    /// Adds what another file of the same folder has. Exports into folders have the users of a
    /// realm in files of their own.
    pub(crate) fn join(&mut self, other: Self) {
        self.entries.extend(other.entries);
        for realm in other.realms {
            let mut known = self.realms.iter_mut();
            let known = known.find(|known| known.name.is_some() && known.name == realm.name);
            match known {
                None => self.realms.push(realm),
                Some(known) => {
                    known.clients.extend(realm.clients);
                    known.service_accounts.extend(realm.service_accounts);
                    for (name, value) in realm.members {
                        known.members.entry(name).or_insert(value);
                    }
                }
            }
        }
    }
}

/// The entries of a list, without those that are `null`.
fn list(raw: &RawValue) -> Result<Vec<&RawValue>, String> {
    let list = parsed::<Vec<&RawValue>>(raw.get());
    let mut list = list.map_err(|_| "`clients` must be an array".to_owned())?;
    list.retain(|raw| raw.get() != "null");
    Ok(list)
}

fn parsed<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("cannot be read: {error}"))
}

/// The members of an object, unparsed. Of one that is there twice the last counts, as in Keycloak.
#[derive(Default)]
struct RawMembers<'a>(BTreeMap<String, &'a RawValue>);

impl<'de: 'a, 'a> Deserialize<'de> for RawMembers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = BTreeMap<String, &'de RawValue>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = access.next_entry::<String, &RawValue>()? {
                    members.insert(name, value);
                }
                Ok(members)
            }
        }

        deserializer.deserialize_map(Object).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of realms with the lines of their clients, and the lines of other entries.
    fn shape(text: &str) -> (Vec<(String, Vec<usize>)>, Vec<usize>) {
        let shapes = read(text, None).unwrap();
        let lines = |entries: &[Entry]| entries.iter().map(|entry| entry.place.line).collect();
        let realms = shapes.realms.iter().map(|realm| {
            let name = realm.name.clone().unwrap_or_default();
            (name, lines(&realm.clients))
        });
        (realms.collect(), lines(&shapes.entries))
    }

    #[test]
    fn each_shape_has_its_clients_with_their_lines() {
        let none = Vec::<(String, Vec<usize>)>::new;
        let realm = |name: &str, lines: &[usize]| (name.to_owned(), lines.to_vec());
        for (text, realms, entries) in [
            (
                "{\"realm\": \"r\",\n \"clients\": [\n {\"clientId\": \"a\"},\n {\n\"x\": 1}]}",
                vec![realm("r", &[3, 4])],
                vec![],
            ),
            (
                "[{\"realm\":\"a\",\"clients\":[{}]},\n{\"realm\":\"b\",\"clients\":null}]",
                vec![realm("a", &[1]), realm("b", &[])],
                vec![],
            ),
            (
                "{\"clients\":[{\"clientId\":\"x\"}]}",
                vec![realm("", &[1])],
                vec![],
            ),
            (
                "[{\"clientId\":\"x\"},\n{\"client_id\":\"y\"},7]",
                none(),
                vec![1, 2, 2],
            ),
            (
                "{\"client_id\":\"x\"}\n{\"client_id\":\"y\"}\n",
                none(),
                vec![1, 2],
            ),
            (
                "{\"items\":[{\"client_id\":\"x\"}],\"is_last_page\":true}",
                none(),
                vec![1],
            ),
            (
                "{\"total\":1,\"clients\":[{\"client_id\":\"x\"}]}",
                none(),
                vec![1],
            ),
            ("client_id\nx\ny\n", none(), vec![2, 3]),
            // A member twice: the last counts.
            (
                "{\"realm\":\"r\",\"clients\":[{},{}],\"clients\":[null,{}]}",
                vec![realm("r", &[1])],
                vec![],
            ),
        ] {
            assert_eq!(shape(text), (realms, entries), "{text}");
        }
    }

    #[test]
    fn people_are_passed_over_and_files_of_one_realm_joined() {
        let mut shapes =
            read("{\"realm\":\"r\",\"clients\":[{\"clientId\":\"x\"}]}", None).unwrap();
        let users = r#"{"realm":"r","users":[{"username":"alice"},
            {"id":"1","serviceAccountClientId":"x"}]}"#;
        shapes.join(read(users, Some("r-users-0.json")).unwrap());
        assert_eq!(shapes.realms.len(), 1);
        let realm = &shapes.realms[0];
        assert_eq!((realm.clients.len(), realm.service_accounts.len()), (1, 1));
    }

    #[test]
    fn what_is_not_json_says_where() {
        for (text, message) in [
            (
                "{",
                "is not JSON: EOF while parsing an object at line 1 column 1",
            ),
            ("[1,\n}", "is not JSON: expected value at line 2 column 1"),
            (
                "{\"realm\":\"r\",\"clients\":{}}",
                "`clients` must be an array",
            ),
        ] {
            assert_eq!(read(text, None).err().as_deref(), Some(message), "{text}");
        }
    }
}
