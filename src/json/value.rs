//! What can be told in JSON: members of configuration, records and claims, and all that goes
//! between the Worker and the objects that store families.
//!
//! Not by serde's derive, which makes a copy of its code a type and direction: for the two dozen types
//! of families alone 77 KB of a Worker that may weigh 600. Here everything goes through [`Value`].

use serde_json::{Map, Value};

use super::Object;
use crate::time::{Seconds, UnixTime};

/// What can be told in JSON and read back.
pub trait Json: Sized {
    /// The value in JSON.
    fn to_json(&self) -> Value;

    /// Reads it back; `None` for what is not such a value.
    fn from_json(value: Value) -> Option<Self>;

    /// The text of an object.
    fn to_text(&self) -> String {
        self.to_json().to_string()
    }

    /// Reads the text of an object.
    fn from_text(text: &str) -> Option<Self> {
        let members = Object::parse(text).ok()?.into_members();
        Self::from_json(Value::Object(members))
    }
}

/// Makes a struct an object of its fields, and an enum an object of one member: the variant, with
/// an object of its fields.
macro_rules! impl_json {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::json::Json for $name {
            fn to_json(&self) -> serde_json::Value {
                let mut members = serde_json::Map::new();
                $($crate::json::put(&mut members, stringify!($field), self.$field.to_json());)*
                serde_json::Value::Object(members)
            }

            fn from_json(value: serde_json::Value) -> Option<Self> {
                let mut members = $crate::json::members(value)?;
                Some(Self { $($field: $crate::json::take(&mut members, stringify!($field))?),* })
            }
        }
    };
    (enum $name:ident { $($variant:ident { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl $crate::json::Json for $name {
            fn to_json(&self) -> serde_json::Value {
                let mut members = serde_json::Map::new();
                let variant = match self {
                    $(Self::$variant { $($field),* } => {
                        $($crate::json::put(&mut members, stringify!($field), $field.to_json());)*
                        stringify!($variant)
                    })*
                };
                $crate::json::variant(variant, members)
            }

            fn from_json(value: serde_json::Value) -> Option<Self> {
                let (variant, value) = $crate::json::members(value)?.into_iter().next()?;
                let mut members = $crate::json::members(value)?;
                match variant.as_str() {
                    $(stringify!($variant) => Some(Self::$variant {
                        $($field: $crate::json::take(&mut members, stringify!($field))?),*
                    }),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use impl_json;

pub(crate) fn members(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Takes a member. One that is not there is `null`, which an `Option` may be.
pub(crate) fn take<T: Json>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    T::from_json(take_value(members, name))
}

// What is called for every member of every type stays one function: inlined, it would weigh.
#[inline(never)]
pub(super) fn take_value(members: &mut Map<String, Value>, name: &str) -> Value {
    members.remove(name).unwrap_or_default()
}

/// Puts a member into an object.
#[inline(never)]
pub(crate) fn put(members: &mut Map<String, Value>, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

/// An object of one member. Not collected, which brings code to sort any number of them.
fn member(name: &str, value: Value) -> Value {
    let mut members = Map::new();
    put(&mut members, name, value);
    Value::Object(members)
}

pub(crate) fn variant(name: &str, members: Map<String, Value>) -> Value {
    member(name, Value::Object(members))
}

impl Json for () {
    fn to_json(&self) -> Value {
        Value::Null
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_null()
    }
}

impl Json for bool {
    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Json for u64 {
    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_u64()
    }
}

impl Json for u32 {
    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl Json for UnixTime {
    fn to_json(&self) -> Value {
        self.seconds().to_json()
    }

    fn from_json(value: Value) -> Option<Self> {
        u64::from_json(value).map(Self::from_seconds)
    }
}

impl Json for Seconds {
    fn to_json(&self) -> Value {
        self.0.to_json()
    }

    fn from_json(value: Value) -> Option<Self> {
        u32::from_json(value).map(Self)
    }
}

impl Json for String {
    fn to_json(&self) -> Value {
        self.as_str().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }
}

impl Json for Value {
    fn to_json(&self) -> Value {
        self.clone()
    }

    fn from_json(value: Value) -> Option<Self> {
        Some(value)
    }
}

impl Json for Object {
    fn to_json(&self) -> Value {
        Value::Object(self.0.clone())
    }

    fn from_json(value: Value) -> Option<Self> {
        members(value).map(Self)
    }
}

impl Json for Map<String, Value> {
    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }

    fn from_json(value: Value) -> Option<Self> {
        members(value)
    }
}

impl<T: Json> Json for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(Json::to_json).collect()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(T::from_json).collect(),
            _ => None,
        }
    }
}

impl<T: Json> Json for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Json::to_json)
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_json(value).map(Some),
        }
    }
}

impl<T: Json, E: Json> Json for Result<T, E> {
    fn to_json(&self) -> Value {
        let (name, value) = match self {
            Ok(value) => ("Ok", value.to_json()),
            Err(error) => ("Err", error.to_json()),
        };
        member(name, value)
    }

    fn from_json(value: Value) -> Option<Self> {
        let (name, value) = members(value)?.into_iter().next()?;
        match name.as_str() {
            "Ok" => T::from_json(value).map(Ok),
            "Err" => E::from_json(value).map(Err),
            _ => None,
        }
    }
}
