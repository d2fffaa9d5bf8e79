//! Scopes (RFC 6749 §3.3): what a token may be used for.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::json::Json;

/// The most tokens a scope may have.
const MAX_TOKENS: usize = 256;

/// The text is no scope as RFC 6749 §3.3 spells one, or too long a one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a scope is at most 256 tokens of printable ASCII but `\"` and `\\`, one space apart")]
pub struct ScopeError;

/// Scope tokens in order, once each. In JSON, one string with spaces between.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ScopeSet(Vec<String>);

impl ScopeSet {
    /// Reads `scope-token *( SP scope-token )`; an empty text is the empty set. A token that
    /// stands twice is kept once.
    ///
    /// # Errors
    /// [`ScopeError`] for any other character or spacing, and for more than 256 tokens.
    pub fn parse(text: &str) -> Result<Self, ScopeError> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        // Those that stand twice too: each is compared with all before it.
        if text.split(' ').nth(MAX_TOKENS).is_some() {
            return Err(ScopeError);
        }
        let mut tokens = Vec::<String>::new();
        for token in text.split(' ') {
            if token.is_empty() || !token.bytes().all(is_scope_character) {
                return Err(ScopeError);
            }
            if !tokens.iter().any(|other| other == token) {
                tokens.push(token.to_owned());
            }
        }
        Ok(Self(tokens))
    }

    /// Whether nothing is in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a token is in it.
    #[must_use]
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|known| known == token)
    }

    /// Whether every token of `self` is in `other`.
    #[must_use]
    pub fn is_subset(&self, other: &Self) -> bool {
        self.0.iter().all(|token| other.0.contains(token))
    }

    /// The tokens that are also in `other`, in the order of `self`.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.filtered(|token| other.contains(token))
    }

    /// The tokens that are so, in order.
    #[must_use]
    pub fn filtered(&self, is_so: impl Fn(&str) -> bool) -> Self {
        let tokens = self.0.iter().filter(|token| is_so(token));
        Self(tokens.cloned().collect())
    }

    /// Without the tokens that are in `other`.
    #[must_use]
    pub fn without(mut self, other: &Self) -> Self {
        self.0.retain(|token| !other.contains(token));
        self
    }

    /// With the tokens of `other` after its own, once each.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        let added = other.0.iter().filter(|token| !self.contains(token));
        let added = added.cloned().collect::<Vec<_>>();
        self.0.extend(added);
        self
    }

    /// The tokens, in order.
    #[must_use]
    pub fn tokens(&self) -> &[String] {
        &self.0
    }
}

/// RFC 6749 appendix A.4: `NQCHAR`.
fn is_scope_character(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Json for ScopeSet {
    fn to_json(&self) -> Value {
        self.to_string().into()
    }

    fn from_json(value: Value) -> Option<Self> {
        Self::parse(value.as_str()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_keep_their_order_and_stand_once() {
        for (text, tokens) in [
            ("", vec![]),
            ("read", vec!["read"]),
            ("b a b", vec!["b", "a"]),
            (
                "https://api.example/read !#[]~",
                vec!["https://api.example/read", "!#[]~"],
            ),
        ] {
            let scope = ScopeSet::parse(text).unwrap();
            assert_eq!(scope.tokens(), tokens, "{text:?}");
            assert_eq!(scope.to_string(), tokens.join(" "));
        }
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in [
            " ", " a", "a ", "a  b", "a\tb", "a\nb", "a\"b", "a\\b", "é", "a\u{0}", "\u{7f}",
        ] {
            assert_eq!(ScopeSet::parse(text), Err(ScopeError), "{text:?}");
        }
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let scope = |n| {
            (0..n)
                .map(|i| format!("s{i}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        assert!(ScopeSet::parse(&scope(256)).is_ok());
        assert_eq!(ScopeSet::parse(&scope(257)), Err(ScopeError));
    }

    #[test]
    fn a_subset_is_told_by_whole_tokens() {
        let read_write = ScopeSet::parse("read write").unwrap();
        for (text, is_subset) in [
            ("", true),
            ("write", true),
            ("write read", true),
            ("rea", false),
            ("read x", false),
        ] {
            assert_eq!(
                ScopeSet::parse(text).unwrap().is_subset(&read_write),
                is_subset,
                "{text:?}"
            );
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(tokens in proptest::collection::vec("[!#-\\[\\]-~]{1,8}", 0..20)) {
            let scope = ScopeSet::parse(&tokens.join(" ")).unwrap();
            assert_eq!(ScopeSet::parse(&scope.to_string()), Ok(scope.clone()));
            assert_eq!(ScopeSet::from_json(scope.to_json()), Some(scope));
        }
    }
}
