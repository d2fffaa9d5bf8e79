//! The keys of a signer: which one signs now, and which are published.

use super::jwk::{Jwk, KeySetError, SigningKey};
use crate::json::Object;
use crate::time::{Seconds, UnixTime};

/// The union of private JWK Sets, in the order in which keys take over from one another.
#[derive(Clone, Debug, Default)]
pub struct SigningKeys(Vec<SigningKey>);

impl SigningKeys {
    /// Adds the keys of one private JWK Set. A key that is there already is no error.
    ///
    /// # Errors
    /// [`KeySetError`]; then no key of this set was added.
    pub fn add(&mut self, jwk_set: &str) -> Result<(), KeySetError> {
        let mut keys = self.0.clone();
        let jwks = Object::parse(jwk_set)?.require::<Vec<Object>>("keys", "a list of objects")?;
        for (jwk, position) in jwks.into_iter().zip(1..) {
            let key =
                SigningKey::parse(jwk).map_err(|error| KeySetError::Key { position, error })?;
            match keys.iter().find(|other| other.kid() == key.kid()) {
                None => {
                    let order = |key: &SigningKey| (key.not_before, key.kid().clone());
                    let at = keys.partition_point(|other| order(other) < order(&key));
                    keys.insert(at, key);
                }
                Some(other) if other.public() == key.public() => (),
                Some(_) => return Err(KeySetError::RepeatedKeyId { position }),
            }
        }
        self.0 = keys;
        Ok(())
    }

    /// The key that signs a token which begins `now` and lives for `lifetime`.
    ///
    /// A key signs from its `nbf` until that of a newer one, ties going to the greater `kid`, and
    /// only what ends by its `exp`.
    #[must_use]
    pub fn signing(&self, now: UnixTime, lifetime: Seconds) -> Option<&SigningKey> {
        self.0
            .iter()
            .rfind(|key| key.not_before <= now)
            .filter(|key| now.plus(lifetime) <= key.expiration)
    }

    /// The public half of the key of that name, published or not.
    #[must_use]
    pub fn verifying(&self, kid: &str) -> Option<p256::ecdsa::VerifyingKey> {
        let key = self.0.iter().find(|key| key.kid().as_str() == kid)?;
        Some(*key.private.verifying_key())
    }

    /// All of them, the newest last.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.0.iter()
    }

    /// The keys to publish: from the day they are here until their `exp`.
    pub fn published(&self, now: UnixTime) -> impl Iterator<Item = &Jwk> {
        self.0
            .iter()
            .filter(move |key| now < key.expiration)
            .map(SigningKey::public)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8, not_before: u64, expiration: u64) -> SigningKey {
        let (from, until) = (
            UnixTime::from_seconds(not_before),
            UnixTime::from_seconds(expiration),
        );
        SigningKey::generate(&[octet; 32], from, until).unwrap()
    }

    fn private(key: &SigningKey) -> String {
        serde_json::to_string(&key.to_private_jwk()).unwrap()
    }

    fn keys(keys: &[&SigningKey]) -> SigningKeys {
        let mut set = SigningKeys::default();
        for key in keys {
            set.add(&format!(r#"{{"keys":[{}]}}"#, private(key)))
                .unwrap();
        }
        set
    }

    #[test]
    fn the_newest_key_that_has_begun_signs_what_ends_in_its_time() {
        let (old, new) = (key(1, 100, 1_000), key(2, 500, 2_000));
        let set = keys(&[&new, &old]);
        let cases = [
            (99, 10, None),
            (100, 10, Some(&old)),
            (499, 501, Some(&old)),
            (499, 502, None),
            (500, 10, Some(&new)),
            (1_990, 10, Some(&new)),
            (1_991, 10, None),
        ];
        for (now, lifetime, expected) in cases {
            let signing = set.signing(UnixTime::from_seconds(now), Seconds(lifetime));
            assert_eq!(
                signing.map(SigningKey::kid),
                expected.map(SigningKey::kid),
                "at {now}"
            );
        }
    }

    #[test]
    fn an_older_key_does_not_stand_in_for_a_newer_one_that_ends_too_soon() {
        let set = keys(&[&key(1, 100, 9_000), &key(2, 500, 600)]);
        assert!(
            set.signing(UnixTime::from_seconds(550), Seconds(100))
                .is_none()
        );
    }

    #[test]
    fn of_two_keys_that_begin_together_the_greater_kid_signs() {
        let (a, b) = (key(1, 100, 1_000), key(2, 100, 1_000));
        let greater = a.kid().max(b.kid());
        for set in [keys(&[&a, &b]), keys(&[&b, &a])] {
            let signing = set
                .signing(UnixTime::from_seconds(100), Seconds(1))
                .unwrap();
            assert_eq!(signing.kid(), greater);
        }
    }

    #[test]
    fn keys_are_published_from_the_day_they_are_here_until_they_end() {
        let (old, new) = (key(1, 100, 1_000), key(2, 500, 2_000));
        let set = keys(&[&old, &new]);
        for (now, expected) in [
            (0, vec![&old, &new]),
            (999, vec![&old, &new]),
            (1_000, vec![&new]),
            (2_000, vec![]),
        ] {
            let published = set
                .published(UnixTime::from_seconds(now))
                .collect::<Vec<_>>();
            assert_eq!(
                published,
                expected.iter().map(|k| k.public()).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn a_key_in_both_slots_is_one_key_and_two_keys_of_one_name_are_an_error() {
        let a = key(1, 100, 1_000);
        let mut set = keys(&[&a, &a]);
        assert_eq!(set.0.len(), 1);
        let imposter = key(2, 100, 1_000);
        let imposter = private(&imposter).replace(imposter.kid().as_str(), a.kid().as_str());
        let error = set.add(&format!(r#"{{"keys":[{imposter}]}}"#)).unwrap_err();
        assert_eq!(error, KeySetError::RepeatedKeyId { position: 1 });
        assert_eq!(set.0.len(), 1);
    }

    #[test]
    fn a_malformed_set_is_refused_whole_and_without_quoting_it() {
        let good = private(&key(1, 100, 1_000));
        let (d, other_d) = (
            member(&good, "d"),
            member(&private(&key(2, 100, 1_000)), "d"),
        );
        let without = |name: &str| good.replace(&format!("\"{name}\""), "\"other\"");
        let cases = [
            ("not JSON", "keys".to_owned()),
            ("no keys", "{}".to_owned()),
            ("a single JWK", good.clone()),
            ("another d", good.replace(&d, &other_d)),
            ("d of zero", good.replace(&d, &"A".repeat(43))),
            ("d too short", good.replace(&d, "AQ")),
            ("d padded", good.replace(&d, &format!("{d}="))),
            (
                "d of the order or more",
                good.replace(&d, &format!("{}8", "_".repeat(42))),
            ),
            ("another curve", good.replace("P-256", "P-384")),
            ("another algorithm", good.replace("ES256", "HS256")),
            ("another use", good.replace("\"sig\"", "\"enc\"")),
            ("no kid", without("kid")),
            ("no alg", without("alg")),
            ("no use", without("use")),
            ("no nbf", without("nbf")),
            ("no exp", without("exp")),
            ("no d", without("d")),
            (
                "exp as text",
                good.replace("\"exp\":1000", "\"exp\":\"1000\""),
            ),
            (
                "nothing between nbf and exp",
                good.replace("\"exp\":1000", "\"exp\":100"),
            ),
            (
                "a member twice",
                good.replace("\"kty\":\"EC\"", "\"kty\":\"EC\",\"kty\":\"EC\""),
            ),
        ];
        for (name, text) in cases {
            let mut set = SigningKeys::default();
            let text = match text.starts_with("{\"kty\"") && name != "a single JWK" {
                true => format!(r#"{{"keys":[{text}]}}"#),
                false => text,
            };
            let error = set.add(&text).expect_err(name);
            assert!(
                !format!("{error}{error:?}").contains(&d),
                "{name}: {error:?}"
            );
            assert!(set.0.is_empty(), "{name}");
        }
    }

    fn member(jwk: &str, name: &'static str) -> String {
        Object::parse(jwk).unwrap().require(name, "a text").unwrap()
    }
}
