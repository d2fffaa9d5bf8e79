//! JSON between the Worker and the objects that store families, and in those objects.
//!
//! Not by serde's derive: for these two dozen types it makes a copy of its code a type and direction,
//! 77 KB of a Worker that may weigh 600. Here everything goes through [`Value`].

use serde_json::{Map, Value};

use crate::client::ClientId;
use crate::json::Object;
use crate::scope::ScopeSet;
use crate::time::{Seconds, UnixTime};

/// What can be told in JSON and read back.
pub trait Wire: Sized {
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
        Self::from_json(Value::Object(members.collect()))
    }
}

/// Makes a struct an object of its fields, and an enum an object of one member: the variant, with
/// an object of its fields.
macro_rules! wire {
    (struct $name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn to_json(&self) -> serde_json::Value {
                let mut members = serde_json::Map::new();
                $(members.insert(stringify!($field).to_owned(), self.$field.to_json());)*
                serde_json::Value::Object(members)
            }

            fn from_json(value: serde_json::Value) -> Option<Self> {
                let mut members = $crate::wire::members(value)?;
                Some(Self { $($field: $crate::wire::take(&mut members, stringify!($field))?),* })
            }
        }
    };
    (enum $name:ident { $($variant:ident { $($field:ident),* $(,)? }),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn to_json(&self) -> serde_json::Value {
                let mut members = serde_json::Map::new();
                let variant = match self {
                    $(Self::$variant { $($field),* } => {
                        $(members.insert(stringify!($field).to_owned(), $field.to_json());)*
                        stringify!($variant)
                    })*
                };
                $crate::wire::variant(variant, members)
            }

            fn from_json(value: serde_json::Value) -> Option<Self> {
                let (variant, value) = $crate::wire::members(value)?.into_iter().next()?;
                let mut members = $crate::wire::members(value)?;
                match variant.as_str() {
                    $(stringify!($variant) => Some(Self::$variant {
                        $($field: $crate::wire::take(&mut members, stringify!($field))?),*
                    }),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use wire;

pub(crate) fn members(value: Value) -> Option<Map<String, Value>> {
    match value {
        Value::Object(members) => Some(members),
        _ => None,
    }
}

/// Takes a member. One that is not there is `null`, which an `Option` may be.
pub(crate) fn take<T: Wire>(members: &mut Map<String, Value>, name: &str) -> Option<T> {
    T::from_json(members.remove(name).unwrap_or_default())
}

pub(crate) fn variant(name: &str, members: Map<String, Value>) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), Value::Object(members))]))
}

impl Wire for () {
    fn to_json(&self) -> Value {
        Value::Null
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_null()
    }
}

impl Wire for bool {
    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_bool()
    }
}

impl Wire for u64 {
    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_u64()
    }
}

impl Wire for u32 {
    fn to_json(&self) -> Value {
        (*self).into()
    }

    fn from_json(value: Value) -> Option<Self> {
        value.as_u64()?.try_into().ok()
    }
}

impl Wire for UnixTime {
    fn to_json(&self) -> Value {
        self.seconds().to_json()
    }

    fn from_json(value: Value) -> Option<Self> {
        u64::from_json(value).map(Self::from_seconds)
    }
}

impl Wire for Seconds {
    fn to_json(&self) -> Value {
        self.0.to_json()
    }

    fn from_json(value: Value) -> Option<Self> {
        u32::from_json(value).map(Self)
    }
}

impl Wire for String {
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

impl Wire for ClientId {
    fn to_json(&self) -> Value {
        self.as_str().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?)
    }
}

impl Wire for ScopeSet {
    fn to_json(&self) -> Value {
        self.to_string().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
}

impl Wire for Map<String, Value> {
    fn to_json(&self) -> Value {
        Value::Object(self.clone())
    }

    fn from_json(value: Value) -> Option<Self> {
        members(value)
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn to_json(&self) -> Value {
        self.iter().map(Wire::to_json).collect()
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Array(items) => items.into_iter().map(T::from_json).collect(),
            _ => None,
        }
    }
}

impl<T: Wire> Wire for Option<T> {
    fn to_json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Wire::to_json)
    }

    fn from_json(value: Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            value => T::from_json(value).map(Some),
        }
    }
}

impl<T: Wire, E: Wire> Wire for Result<T, E> {
    fn to_json(&self) -> Value {
        let (name, value) = match self {
            Ok(value) => ("Ok", value.to_json()),
            Err(error) => ("Err", error.to_json()),
        };
        Value::Object(Map::from_iter([(name.to_owned(), value)]))
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
