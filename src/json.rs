//! Strict reading of JSON objects (RFC 8259): configuration, keys and records.
//!
//! A member named twice, an unknown member or one of the wrong type is an error that names the
//! member and never quotes a value: what is read here may be a secret.

mod value;

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

pub use self::value::Json;
use self::value::take_value;
pub(crate) use self::value::{impl_json, members, put, take, variant};

/// Why an object could not be read.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON, not an object, or an object that names a member twice.
    #[error("not a JSON object without repeated members (line {line}, column {column})")]
    Malformed {
        /// Where reading stopped, from 1.
        line: usize,
        /// Where reading stopped, from 1.
        column: usize,
    },
    /// A required member is missing.
    #[error("member `{0}` is missing")]
    Missing(&'static str),
    /// A member has another type or range than it must have.
    #[error("member `{member}` must be {expected}")]
    Invalid {
        /// The member.
        member: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A member that nothing here knows.
    #[error("member `{0}` is unknown")]
    Unknown(String),
}

/// An object whose members are taken one by one, until none may be left.
pub struct Object(Map<String, Value>);

impl Object {
    /// Reads one object from `text`.
    ///
    /// # Errors
    /// [`JsonError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        serde_json::from_str(text).map_err(|error| JsonError::Malformed {
            line: error.line(),
            column: error.column(),
        })
    }

    /// Takes a value that was read as strictly before.
    ///
    /// # Errors
    /// [`JsonError::Malformed`] when it is no object.
    pub fn from_value(value: Value) -> Result<Self, JsonError> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(JsonError::Malformed { line: 0, column: 0 }),
        }
    }

    /// Takes an optional member; `null` counts as absent.
    ///
    /// # Errors
    /// [`JsonError::Invalid`] with `expected` when the value is not a `T`.
    pub fn take<T: Json>(
        &mut self,
        member: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, JsonError> {
        match take_value(&mut self.0, member) {
            Value::Null => Ok(None),
            value => match T::from_json(value) {
                None => Err(JsonError::Invalid { member, expected }),
                value => Ok(value),
            },
        }
    }

    /// Takes a member that must be there.
    ///
    /// # Errors
    /// [`JsonError::Missing`], [`JsonError::Invalid`].
    pub fn require<T: Json>(
        &mut self,
        member: &'static str,
        expected: &'static str,
    ) -> Result<T, JsonError> {
        self.take(member, expected)?
            .ok_or(JsonError::Missing(member))
    }

    /// Ends the reading: every member must have been taken.
    ///
    /// # Errors
    /// [`JsonError::Unknown`].
    pub fn finish(self) -> Result<(), JsonError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((member, _)) => Err(JsonError::Unknown(member)),
        }
    }

    /// A member, if it is there.
    #[must_use]
    pub fn get(&self, member: &str) -> Option<&Value> {
        self.0.get(member)
    }

    /// The members in the order of their names, for objects whose member names are free.
    #[must_use]
    pub fn into_members(self) -> Map<String, Value> {
        self.0
    }
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Object, A::Error> {
                let mut members = Map::new();
                while let Some((member, Strict(value))) = access.next_entry::<String, Strict>()? {
                    if members.insert(member, value).is_some() {
                        return Err(A::Error::custom("repeated member"));
                    }
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Any JSON value in which no object names a member twice.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Strict;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON value")
            }

            fn visit_unit<E>(self) -> Result<Strict, E> {
                Ok(Strict(Value::Null))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_str<E>(self, value: &str) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_string<E>(self, value: String) -> Result<Strict, E> {
                Ok(Strict(value.into()))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut access: A,
            ) -> Result<Strict, A::Error> {
                let mut items = Vec::new();
                while let Some(Strict(item)) = access.next_element()? {
                    items.push(item);
                }
                Ok(Strict(Value::Array(items)))
            }

            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Strict, A::Error> {
                Object::deserialize(serde::de::value::MapAccessDeserializer::new(access))
                    .map(|object| Strict(Value::Object(object.0)))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_read_member_by_member() {
        let mut object = Object::parse(r#"{"a":1,"b":null,"c":["x",{"y":-2.5}]}"#).unwrap();
        assert_eq!(object.require::<u32>("a", "a number"), Ok(1));
        assert_eq!(object.take::<u32>("b", "a number"), Ok(None));
        assert_eq!(
            object.require::<Value>("c", "a list").unwrap(),
            serde_json::json!(["x", {"y": -2.5}])
        );
        assert_eq!(
            object.require::<u32>("d", "a number"),
            Err(JsonError::Missing("d"))
        );
        assert_eq!(object.finish(), Ok(()));
    }

    #[test]
    fn what_is_not_strictly_an_object_is_refused() {
        for text in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a":1,"a":1}"#,
            r#"{"a":{"b":1,"b":2}}"#,
            "{} {}",
        ] {
            assert!(
                matches!(Object::parse(text), Err(JsonError::Malformed { .. })),
                "{text}"
            );
        }
    }

    #[test]
    fn errors_name_the_member_and_never_quote_a_value() {
        let mut object = Object::parse(r#"{"a":"hunter2"}"#).unwrap();
        let error = object.take::<u32>("a", "a number").unwrap_err();
        assert_eq!(error.to_string(), "member `a` must be a number");
        let object = Object::parse(r#"{"b":"hunter2"}"#).unwrap();
        assert_eq!(object.finish(), Err(JsonError::Unknown("b".into())));
    }
}
