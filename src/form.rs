//! Form bodies, `application/x-www-form-urlencoded` as OAuth uses it (RFC 6749 appendix B).
//!
//! Libraries for forms decode lossily and never fail, so this one reads by itself: what is not
//! valid percent-encoded UTF-8 is an error, never a guess.

use std::borrow::Cow;
use std::fmt;

/// The most parameters a form may have; the RFCs here define fewer than thirty.
const MAX_PARAMETERS: usize = 100;

/// The two parameters that may repeat (RFC 8707 §2, RFC 8693 §2.1).
const REPEATABLE: [&str; 2] = ["resource", "audience"];

/// Why a body is not a form.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum FormError {
    /// Not percent-encoded UTF-8.
    #[error("not percent-encoded UTF-8")]
    Encoding,
    /// A parameter stands twice (RFC 6749 §3.2).
    #[error("a parameter stands twice")]
    Repeated,
    /// More than a hundred parameters.
    #[error("too many parameters")]
    TooMany,
}

/// A form whose parameters stand once each and are never empty.
#[derive(Default)]
pub struct Form<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl fmt::Debug for Form<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Form(…)")
    }
}

impl<'a> Form<'a> {
    /// Reads a form. Empty parameters count as omitted (RFC 6749 §3.2).
    ///
    /// # Errors
    /// [`FormError`].
    pub fn parse(body: &'a [u8]) -> Result<Self, FormError> {
        let body = std::str::from_utf8(body).map_err(|_| FormError::Encoding)?;
        let mut parameters = Vec::<(Cow<'a, str>, Cow<'a, str>)>::new();
        for pair in body.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode(name).ok_or(FormError::Encoding)?;
            let value = decode(value).ok_or(FormError::Encoding)?;
            if value.is_empty() {
                continue;
            }
            if parameters.len() == MAX_PARAMETERS {
                return Err(FormError::TooMany);
            }
            if !REPEATABLE.contains(&&*name) && parameters.iter().any(|(other, _)| *other == name) {
                return Err(FormError::Repeated);
            }
            parameters.push((name, value));
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter, if it is there.
    #[must_use]
    pub fn value<'f>(&'f self, name: &'f str) -> Option<&'f str> {
        self.values(name).next()
    }

    /// All values of a parameter that may repeat, in order.
    pub fn values<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        self.0
            .iter()
            .filter(move |(other, _)| other == name)
            .map(|(_, value)| &**value)
    }
}

/// Decodes one name or value; `None` when it is not percent-encoded UTF-8.
#[must_use]
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['%', '+']) {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex(bytes.next()?)?.wrapping_shl(4) | hex(bytes.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let body = b"grant_type=client_credentials&scope=a+b%20c&empty=&bare&resource=x&resource=%E2%82%AC&&a=b=c";
        let form = Form::parse(body).unwrap();
        assert_eq!(form.value("grant_type"), Some("client_credentials"));
        assert_eq!(form.value("scope"), Some("a b c"));
        assert_eq!(form.value("empty"), None);
        assert_eq!(form.value("bare"), None);
        assert_eq!(form.value("missing"), None);
        assert_eq!(form.values("resource").collect::<Vec<_>>(), ["x", "€"]);
        assert_eq!(form.value("a"), Some("b=c"));
    }

    #[test]
    fn what_is_not_a_form_is_refused() {
        let cases: [(&[u8], FormError); 9] = [
            (b"a=%", FormError::Encoding),
            (b"a=%4", FormError::Encoding),
            (b"a=%zz", FormError::Encoding),
            (b"a=%+1", FormError::Encoding),
            (b"%ff=b", FormError::Encoding),
            (b"a=%C3%28", FormError::Encoding),
            (b"a=\xff", FormError::Encoding),
            (b"a=1&a=2", FormError::Repeated),
            (b"scope=x&%73cope=x", FormError::Repeated),
        ];
        for (body, error) in cases {
            assert_eq!(Form::parse(body).unwrap_err(), error, "{body:?}");
        }
    }

    #[test]
    fn an_empty_parameter_is_no_repetition() {
        assert_eq!(
            Form::parse(b"scope=&scope=a").unwrap().value("scope"),
            Some("a")
        );
    }

    #[test]
    fn the_number_of_parameters_is_bounded() {
        let body = |n| {
            (0..n)
                .map(|i| format!("p{i}=1"))
                .collect::<Vec<_>>()
                .join("&")
        };
        assert!(Form::parse(body(100).as_bytes()).is_ok());
        assert_eq!(
            Form::parse(body(101).as_bytes()).unwrap_err(),
            FormError::TooMany
        );
    }
}
