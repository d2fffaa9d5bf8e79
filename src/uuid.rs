//! Random UUIDs (RFC 9562 §5.4).

use std::fmt;

/// A random UUID: 122 random bits.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// Makes a UUID of random octets: six of their bits become version and variant.
    #[must_use]
    pub fn from_random(random: [u8; 16]) -> Self {
        let bits = u128::from_be_bytes(random);
        Self((bits & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62).to_be_bytes())
    }

    /// Takes the octets of a UUID as they are.
    #[must_use]
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Self(octets)
    }

    /// Reads a UUID as it is shown: lower case, with its four hyphens.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bits = u128::from_str_radix(&text.replace('-', ""), 16).ok()?;
        let uuid = Self(bits.to_be_bytes());
        (uuid.to_string() == text).then_some(uuid)
    }

    /// The same with other last octets, none of which is version or variant.
    #[must_use]
    pub fn ending_in(self, last: [u8; 4]) -> Self {
        let bits = u128::from_be_bytes(self.0) & !u128::from(u32::MAX);
        Self((bits | u128::from(u32::from_be_bytes(last))).to_be_bytes())
    }

    /// Its octets.
    #[must_use]
    pub fn octets(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = format!("{:032x}", u128::from_be_bytes(self.0));
        let part = |range| hex.get(range).unwrap_or_default();
        let parts = [
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32),
        ];
        f.write_str(&parts.join("-"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_version_4_and_read_as_they_are_shown() {
        let uuid = Uuid::from_random([0xff; 16]);
        assert_eq!(uuid.to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
        let other = uuid.ending_in([1, 2, 3, 4]);
        assert_eq!(other.to_string(), "ffffffff-ffff-4fff-bfff-ffff01020304");
        assert_eq!(Uuid::parse(&uuid.to_string()), Some(uuid));
        for text in [
            "",
            "x",
            "ffffffffffff4fffbfffffffffffffff",
            "FFFFFFFF-FFFF-4FFF-BFFF-FFFFFFFFFFFF",
            "+fffffff-ffff-4fff-bfff-ffffffffffff",
        ] {
            assert_eq!(Uuid::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read(random: [u8; 16]) {
            let uuid = Uuid::from_random(random);
            assert_eq!(Uuid::parse(&uuid.to_string()), Some(uuid));
            let any = Uuid::from_octets(random);
            assert_eq!(Uuid::parse(&any.to_string()), Some(any));
        }
    }
}
