//! Whom a token is for: the holder of a key or of a certificate (RFC 7800 §3, RFC 9449 §6, RFC 8705
//! §3), not whoever has the token.

use serde_json::{Map, Value};

use crate::json::{Json, put};

/// By what the holder of a token shows that it is theirs; nothing for bearer tokens.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Confirmation {
    /// The thumbprint of the key that signs their DPoP proofs (RFC 9449 §6.1).
    pub jkt: Option<String>,
    /// The thumbprint of their certificate (RFC 8705 §3.1).
    pub x5t_s256: Option<String>,
}

/// The names of the two members in the claim `cnf`.
const JKT: &str = "jkt";
const X5T_S256: &str = "x5t#S256";

impl Confirmation {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether everything that it asks for is `shown`.
    #[must_use]
    pub fn is_met_by(&self, shown: &Self) -> bool {
        let is_met = |asked: &Option<String>, shown| asked.is_none() || asked == shown;
        is_met(&self.jkt, &shown.jkt) && is_met(&self.x5t_s256, &shown.x5t_s256)
    }

    /// The claim `cnf`, unless it asks for nothing.
    #[must_use]
    pub fn to_claim(&self) -> Option<Value> {
        let mut members = Map::new();
        for (name, value) in [(JKT, &self.jkt), (X5T_S256, &self.x5t_s256)] {
            if let Some(value) = value {
                put(&mut members, name, value.as_str().into());
            }
        }
        (!members.is_empty()).then_some(Value::Object(members))
    }

    /// Reads the claim `cnf` of a token of ours.
    #[must_use]
    pub fn of_claim(claim: Option<&Value>) -> Self {
        let member = |name| Some(claim?.get(name)?.as_str()?.to_owned());
        Self {
            jkt: member(JKT),
            x5t_s256: member(X5T_S256),
        }
    }
}

/// As in a claim; `null` for nothing, which is also what earlier versions wrote.
impl Json for Confirmation {
    fn to_json(&self) -> Value {
        self.to_claim().unwrap_or_default()
    }

    fn from_json(value: Value) -> Option<Self> {
        let read = Self::of_claim(Some(&value));
        (value.is_null() || !read.is_none()).then_some(read)
    }
}
