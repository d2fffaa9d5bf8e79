//! Moments before which nothing that was issued holds any more: an operator's emergency brake, for
//! all tokens of a realm, of a client or of a subject.
//!
//! One record a realm (docs/storage.md), written by the tool. The Worker keeps a copy for
//! [`MAX_AGE`], so that requests pay nothing for it.

use serde_json::{Map, Value};

use crate::client::RecordError;
use crate::json::{Json as _, Object, put};
use crate::name::RealmName;
use crate::time::{Seconds, UnixTime};

/// The version of the record that this crate reads and writes.
const VERSION: u32 = 1;

/// For how long a copy of the record may be used.
pub const MAX_AGE: Seconds = Seconds(30);

/// The moments of a realm.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct NotBefore {
    /// Of all its tokens; the epoch for none.
    pub realm: UnixTime,
    /// Of those of a client, in seconds by its id.
    clients: Map<String, Value>,
    /// Of those about a subject, in seconds by their `sub`.
    subjects: Map<String, Value>,
}

/// Whose tokens end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Whose<'a> {
    /// All of the realm.
    Realm,
    /// A client's.
    Client(&'a str),
    /// A subject's: a person's, or a client's own.
    Subject(&'a str),
}

impl NotBefore {
    /// The key of a realm's record in a key-value store.
    #[must_use]
    pub fn record_key(realm: &RealmName) -> String {
        format!("not-before/{realm}")
    }

    /// Reads a record. What is not understood is an error: it could be a moment.
    ///
    /// # Errors
    /// [`RecordError`].
    pub fn parse(record: &str) -> Result<Self, RecordError> {
        let mut members = Object::parse(record)?;
        let version = members.require("version", "a number")?;
        if version != VERSION {
            return Err(RecordError::Version(version));
        }
        let mut by_name = |member| -> Result<Map<String, Value>, RecordError> {
            let moments = members.take::<Map<String, Value>>(member, MOMENTS)?;
            let moments = moments.unwrap_or_default();
            match moments.values().all(Value::is_u64) {
                true => Ok(moments),
                false => Err(RecordError::Moments(member)),
            }
        };
        let (clients, subjects) = (by_name("clients")?, by_name("subjects")?);
        let realm = members.take("realm", "whole seconds since 1970")?;
        for of_the_tool in ["updated_at", "updated_by"] {
            members.take::<Value>(of_the_tool, "any")?;
        }
        members.finish()?;
        Ok(Self {
            realm: realm.unwrap_or(UnixTime::from_seconds(0)),
            clients,
            subjects,
        })
    }

    /// The record, with when and by whom it was changed.
    #[must_use]
    pub fn to_record(&self, updated_at: UnixTime, updated_by: &str) -> String {
        let mut members = Map::new();
        for (member, value) in [
            ("version", VERSION.to_json()),
            ("realm", self.realm.to_json()),
            ("clients", self.clients.to_json()),
            ("subjects", self.subjects.to_json()),
            ("updated_at", updated_at.to_json()),
            ("updated_by", updated_by.into()),
        ] {
            put(&mut members, member, value);
        }
        Value::Object(members).to_string()
    }

    /// The moment of `whose` tokens; the epoch for none.
    #[must_use]
    pub fn of(&self, whose: Whose<'_>) -> UnixTime {
        let moment = |moments: &Map<String, Value>, name| {
            let seconds = moments.get(name).and_then(Value::as_u64);
            UnixTime::from_seconds(seconds.unwrap_or_default())
        };
        match whose {
            Whose::Realm => self.realm,
            Whose::Client(id) => moment(&self.clients, id),
            Whose::Subject(sub) => moment(&self.subjects, sub),
        }
    }

    /// All of them: of clients and subjects, and of the realm if it has one.
    pub fn all(&self) -> impl Iterator<Item = (Whose<'_>, UnixTime)> {
        let realm = Some(Whose::Realm).filter(|_| self.realm != UnixTime::default());
        let clients = self.clients.keys().map(|id| Whose::Client(id));
        let subjects = self.subjects.keys().map(|sub| Whose::Subject(sub));
        let all = realm.into_iter().chain(clients).chain(subjects);
        all.map(|whose| (whose, self.of(whose)))
    }

    /// Sets the moment of `whose` tokens.
    pub fn set(&mut self, whose: Whose<'_>, moment: UnixTime) {
        match whose {
            Whose::Realm => self.realm = moment,
            Whose::Client(id) => put(&mut self.clients, id, moment.to_json()),
            Whose::Subject(sub) => put(&mut self.subjects, sub, moment.to_json()),
        }
    }

    /// Whether what began at a moment, for a client and about a subject, holds no more.
    #[must_use]
    pub fn is_past(&self, began_at: UnixTime, client_id: &str, subject: &str) -> bool {
        [
            Whose::Realm,
            Whose::Client(client_id),
            Whose::Subject(subject),
        ]
        .into_iter()
        .any(|whose| began_at < self.of(whose))
    }
}

const MOMENTS: &str = "an object of whole seconds since 1970";

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = r#"{"version":1,"realm":10,"clients":{"app":20},"subjects":{"alice":30},"updated_at":40,"updated_by":"test"}"#;

    #[test]
    fn records_are_read_and_written() {
        let read = NotBefore::parse(RECORD).unwrap();
        let written = read.to_record(UnixTime::from_seconds(40), "test");
        assert_eq!(NotBefore::parse(&written).unwrap(), read);
        assert_eq!(
            NotBefore::parse(r#"{"version":1}"#).unwrap(),
            NotBefore::default()
        );
    }

    #[test]
    fn all_moments_are_told() {
        let told = |record| {
            let moments = NotBefore::parse(record).unwrap();
            let told = moments
                .all()
                .map(|(whose, moment)| format!("{whose:?} {moment}"));
            told.collect::<Vec<_>>().join(", ")
        };
        for (record, all) in [
            (RECORD, r#"Realm 10, Client("app") 20, Subject("alice") 30"#),
            (
                r#"{"version":1,"subjects":{"a":1,"b":2}}"#,
                r#"Subject("a") 1, Subject("b") 2"#,
            ),
            (r#"{"version":1,"realm":0}"#, ""),
            (r#"{"version":1}"#, ""),
        ] {
            assert_eq!(told(record), all, "{record}");
        }
    }

    #[test]
    fn what_began_before_any_of_the_moments_holds_no_more() {
        let moments = NotBefore::parse(RECORD).unwrap();
        for (began_at, client_id, subject, is_past) in [
            (9, "other", "other", true),
            (10, "other", "other", false),
            (19, "app", "other", true),
            (20, "app", "other", false),
            (29, "other", "alice", true),
            (30, "other", "alice", false),
            (29, "alice", "app", false),
        ] {
            assert_eq!(
                moments.is_past(UnixTime::from_seconds(began_at), client_id, subject),
                is_past,
                "{began_at} {client_id} {subject}"
            );
        }
    }

    #[test]
    fn what_is_not_understood_is_an_error() {
        for record in [
            "",
            "{}",
            r#"{"version":2}"#,
            r#"{"version":1,"other":1}"#,
            r#"{"version":1,"realm":"10"}"#,
            r#"{"version":1,"realm":-1}"#,
            r#"{"version":1,"clients":[]}"#,
            r#"{"version":1,"clients":{"app":"20"}}"#,
            r#"{"version":1,"subjects":{"alice":2.5}}"#,
            r#"{"version":1,"subjects":{"alice":1,"alice":2}}"#,
        ] {
            assert!(NotBefore::parse(record).is_err(), "{record}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_moments_are_read_as_they_are_written(
            realm: u64, clients: Vec<(String, u64)>, subjects: Vec<(String, u64)>,
        ) {
            let mut moments = NotBefore::default();
            moments.set(Whose::Realm, UnixTime::from_seconds(realm));
            for (name, moment) in &clients {
                moments.set(Whose::Client(name), UnixTime::from_seconds(*moment));
            }
            for (name, moment) in &subjects {
                moments.set(Whose::Subject(name), UnixTime::from_seconds(*moment));
            }
            let written = moments.to_record(UnixTime::from_seconds(40), "test");
            assert_eq!(NotBefore::parse(&written), Ok(moments));
        }
    }
}
