//! The JWK Set (RFC 7517 §5; RFC 7518 §6).

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::VerifyingKey;
use serde_json::Value;

use super::http::Asked;
use super::report::{Objection, Row, Verdict, fail, warn};

/// The most keys that a set has when old ones are taken out.
const MANY: usize = 5;

/// The members that only private and symmetric keys have (RFC 7518 §6.2.2, §6.3.2, §6.4).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The published keys.
pub(super) struct Keys(Vec<Value>);

impl Keys {
    /// Reads a JWK Set with at least one key.
    pub(super) fn read(asked: &Asked) -> Result<Self, Objection> {
        let answer = asked.as_ref().map_err(Clone::clone)?;
        if answer.status != 200 {
            return fail(format!("{}, not 200", answer.status));
        }
        let members = answer.object().unwrap_or_default();
        match members.get("keys").and_then(Value::as_array) {
            None => fail("no JSON object with `keys`"),
            Some(keys) if keys.is_empty() => fail("no key: no token can be verified"),
            Some(keys) => Ok(Self(keys.clone())),
        }
    }

    /// The key of that name.
    pub(super) fn named(&self, kid: &str) -> Option<&Value> {
        self.0.iter().find(|key| text(key, "kid") == Some(kid))
    }
}

fn text<'a>(key: &'a Value, name: &str) -> Option<&'a str> {
    key.get(name)?.as_str()
}

fn is_p256(key: &Value) -> bool {
    text(key, "crv") == Some("P-256")
}

/// The point of a P-256 key; `None` for what is no point of the curve (RFC 7518 §6.2.1).
pub(super) fn verifying_key(key: &Value) -> Option<VerifyingKey> {
    let coordinate = |name| {
        let octets = URL_SAFE_NO_PAD.decode(text(key, name)?).ok()?;
        (octets.len() == 32).then_some(octets)
    };
    let point = [vec![4], coordinate("x")?, coordinate("y")?].concat();
    (is_p256(key) && text(key, "kty") == Some("EC"))
        .then(|| VerifyingKey::from_sec1_bytes(&point).ok())?
}

pub(super) const ROWS: [Row<Keys>; 6] = [
    ("keys", "RFC 7517 §5", |Keys(keys)| {
        Ok(keys.len().to_string())
    }),
    ("private members", "RFC 7517 §9.2", private_members),
    ("kid", "RFC 7517 §4.5", names),
    ("alg and use", "RFC 7517 §4.4", algorithms),
    ("points of the curve", "RFC 7518 §6.2.1", points),
    ("number of keys", "practice", |Keys(keys)| {
        match keys.len() {
            count if count > MANY => warn(format!("{count}: take out those that sign no more")),
            count => Ok(format!("{count}, at most {MANY}")),
        }
    }),
];

fn private_members(Keys(keys): &Keys) -> Verdict {
    let found = PRIVATE
        .iter()
        .find(|name| keys.iter().any(|key| key.get(name).is_some()));
    match found {
        Some(name) => fail(format!(
            "`{name}` is published: anybody can sign. Make a new key, and take this one out"
        )),
        None => Ok("none".into()),
    }
}

fn names(Keys(keys): &Keys) -> Verdict {
    let names = keys
        .iter()
        .filter_map(|key| text(key, "kid"))
        .collect::<Vec<_>>();
    match names.iter().collect::<BTreeSet<_>>().len() {
        _ if names.len() < keys.len() => fail("a key has no kid"),
        different if different < keys.len() => fail("two keys have one kid"),
        _ => Ok("each its own".into()),
    }
}

fn algorithms(Keys(keys): &Keys) -> Verdict {
    let is_told = |key: &&Value| text(key, "alg").is_some() && text(key, "use").is_some();
    match keys.iter().filter(is_told).count() {
        told if told < keys.len() => warn("a key does not tell `alg` and `use`"),
        _ => {
            let names = keys.iter().filter_map(|key| text(key, "alg"));
            let names = names
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect::<Vec<_>>();
            Ok(names.join(", "))
        }
    }
}

fn points(Keys(keys): &Keys) -> Verdict {
    let count = keys.iter().filter(|key| is_p256(key)).count();
    match keys
        .iter()
        .find(|key| is_p256(key) && verifying_key(key).is_none())
    {
        Some(key) => fail(format!(
            "`{}` is none",
            text(key, "kid").unwrap_or_default()
        )),
        None if count == 0 => warn("no P-256 key: nothing verifies ES256"),
        None => Ok(format!("{count} of P-256")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The key of RFC 7515 appendix A.3.
    fn key() -> Value {
        json!({"kty": "EC", "crv": "P-256", "kid": "a", "alg": "ES256", "use": "sig",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
    }

    fn with(changes: Value) -> Value {
        let mut key = key();
        for (name, value) in changes.as_object().unwrap() {
            key[name] = value.clone();
        }
        key
    }

    #[test]
    fn sets_are_judged() {
        let good = Keys(vec![key(), with(json!({"kid": "b"}))]);
        for (name, _, judge) in ROWS {
            assert!(judge(&good).is_ok(), "{name}");
        }
        let zero = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        for (name, changes, is_failure) in [
            ("private members", json!({"d": zero}), true),
            ("private members", json!({"k": "AA"}), true),
            ("kid", json!({"kid": null}), true),
            ("kid", json!({"kid": "z"}), true),
            ("alg and use", json!({"use": null}), false),
            ("points of the curve", json!({"y": zero}), true),
            ("points of the curve", json!({"y": "AA"}), true),
            ("points of the curve", json!({"y": null}), true),
        ] {
            let keys = Keys(vec![with(json!({"kid": "z"})), with(changes.clone())]);
            let (_, _, judge) = ROWS.iter().find(|(other, _, _)| *other == name).unwrap();
            let objection = judge(&keys).unwrap_err();
            assert_eq!(
                matches!(objection, Objection::Fail(_)),
                is_failure,
                "{changes}"
            );
        }
        let many = (0..6).map(|kid| with(json!({"kid": kid.to_string()})));
        let [.., (_, _, count)] = ROWS;
        assert!(matches!(
            count(&Keys(many.collect())),
            Err(Objection::Warn(_))
        ));
    }
}
