//! Targets for the parts of a request: forms, Basic credentials, scopes, and the texts that carry
//! secrets.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use edge_token::client_auth::Credentials;
use edge_token::dialect::{LIGHT_OAUTH2, RFC9068};
use edge_token::error::Rejection;
use edge_token::family::{Handle, RefreshToken, Secret};
use edge_token::form::{Form, FormError, decode};
use edge_token::name::{ClientId, RealmName};
use edge_token::scope::ScopeSet;
use edge_token::uuid::Uuid;

use super::known::{NOW, ODD_SECRET, SECRET, at, known};
use super::{first_line, taken, text};

/// A form body. What is read as a form has the pairs that a forgiving reader sees in it, and is the
/// same when it is written and read again.
pub fn form(data: &[u8]) {
    let read = Form::parse(data);
    taken(read.is_ok());
    let pairs = form_urlencoded::parse(data).filter(|(_, value)| !value.is_empty());
    let pairs = pairs.collect::<Vec<_>>();
    let pairs = || pairs.iter().map(|(name, value)| (&**name, &**value));
    // Empty ones too.
    let parameters = data.split(|octet| *octet == b'&').count();
    let repeats = |name: &str| name == "resource" || name == "audience";
    match &read {
        Ok(form) => {
            let written = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(pairs())
                .finish();
            let again = Form::parse(written.as_bytes()).unwrap();
            assert!(parameters <= 100);
            for (name, value) in pairs() {
                assert!(form.values(name).any(|known| known == value));
                assert!(repeats(name) || form.values(name).count() == 1);
                assert!(again.values(name).eq(form.values(name)));
                assert_eq!(form.value(name), form.values(name).next());
            }
        }
        Err(FormError::Repeated) => {
            let count = |name: &str| pairs().filter(|(other, _)| *other == name).count();
            assert!(pairs().any(|(name, _)| !repeats(name) && count(name) > 1));
        }
        Err(FormError::TooMany) => assert!(parameters > 100),
        Err(FormError::Encoding) => {
            assert!(data.contains(&b'%') || std::str::from_utf8(data).is_err());
        }
    }
    if let Some(text) = text(data) {
        let encoded = form_urlencoded::byte_serialize(data).collect::<String>();
        assert_eq!(decode(&encoded).as_deref(), Some(text));
        let strict = decode(text);
        let lossy = form_urlencoded::parse(encoded.as_bytes()).next();
        assert_eq!(
            lossy.map_or(String::new(), |pair| pair.0.into_owned()),
            text
        );
        assert!(strict.is_none_or(|decoded| decoded.len() <= text.len()));
    }
}

/// An `Authorization` header, and on the next line a form. Nobody is let in but the client whose id
/// and secret stand there, in one of the two readings.
pub fn basic(data: &[u8]) {
    let Some((header, body)) = text(data).map(first_line) else {
        return;
    };
    let Ok(form) = Form::parse(body.as_bytes()) else {
        return;
    };
    let known = known();
    let header = Some(header).filter(|header| !header.is_empty());
    for dialect in [&RFC9068, &LIGHT_OAUTH2] {
        let Ok(credentials) = Credentials::parse(header, &form, dialect) else {
            taken(false);
            continue;
        };
        let ids = credentials.client_ids().collect::<Vec<_>>();
        assert!(ids.len() <= 2);
        for id in &ids {
            assert_eq!(ClientId::parse(id.as_str()).as_ref(), Some(id));
        }
        let key = Some(&known.client_secrets_key);
        let realm = known.realm();
        let stranger = credentials.verify(None, realm, None, key, at(NOW));
        let stranger = stranger.unwrap_err().to_string();
        assert_eq!(stranger, Rejection::UnknownClient.to_string());
        for client in &known.clients {
            let id = client.client_id.as_str();
            let is_meant = ids.contains(&client.client_id);
            let is_in = credentials
                .verify(Some(client), realm, None, key, at(NOW))
                .is_ok();
            let expected = match id {
                "app" | "web" | "login" | "late" => {
                    is_basic(header, SECRET, dialect.unencoded_basic)
                }
                "odd" => is_basic(header, ODD_SECRET, dialect.unencoded_basic),
                "post" => header.is_none() && form.value("client_secret") == Some(SECRET),
                "public" => {
                    header.is_none()
                        && ["client_secret", "client_assertion", "client_assertion_type"]
                            .into_iter()
                            .all(|name| form.value(name).is_none())
                }
                _ => false,
            };
            assert_eq!(is_in, expected, "{id}");
            if is_in && is_meant {
                taken(true);
            }
        }
    }
    // What is written as RFC 6749 §2.3.1 has it is read as it was.
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let id = header.unwrap_or_default();
    let written = STANDARD.encode(format!("{}:{}", encode(id), encode(SECRET)));
    let written = format!("bAsIc   {written}");
    let none = Form::default();
    let credentials = Credentials::parse(Some(&written), &none, &RFC9068).unwrap_or_else(|_| {
        panic!("what was written cannot be read");
    });
    assert!(ClientId::parse(id).is_none_or(|id| credentials.client_ids().any(|read| read == id)));
}

/// Whether a header is Basic with that secret, as RFC 7617 §2 and RFC 6749 §2.3.1 have it.
pub fn is_basic(header: Option<&str>, secret: &str, may_be_unencoded: bool) -> bool {
    basic_halves(header, may_be_unencoded).is_some_and(|(_, half)| is_reading(&half, secret))
}

/// Whether half of the credentials is a text, as it is or form-encoded.
pub fn is_reading(half: &str, text: &str) -> bool {
    half == text || decode(half).is_some_and(|decoded| decoded == text)
}

/// Id and secret of a Basic header, as they were sent.
pub fn basic_halves(header: Option<&str>, may_be_unencoded: bool) -> Option<(String, String)> {
    let (scheme, rest) = header?.split_once(' ')?;
    let rest = rest.trim_start_matches(' ');
    let octets = match may_be_unencoded && rest.contains(':') {
        true => rest.as_bytes().to_vec(),
        false => STANDARD.decode(rest).ok()?,
    };
    let (id, secret) = std::str::from_utf8(&octets).ok()?.split_once(':')?;
    let halves = (id.to_owned(), secret.to_owned());
    scheme.eq_ignore_ascii_case("basic").then_some(halves)
}

/// Two scopes, a line each: RFC 6749 appendix A.4, and what holds of sets.
pub fn scope(data: &[u8]) {
    let Some((one, two)) = text(data).map(first_line) else {
        return;
    };
    let fits = |b: u8| matches!(b, 0x21..=0x7e) && b != b'"' && b != b'\\';
    let is_token = |token: &str| !token.is_empty() && token.bytes().all(fits);
    let read = |text: &str| {
        let scope = ScopeSet::parse(text).ok();
        taken(scope.is_some());
        // Those that stand twice count too.
        let is_scope =
            text.is_empty() || text.split(' ').all(is_token) && text.split(' ').count() <= 256;
        assert_eq!(scope.is_some(), is_scope);
        scope
    };
    let (Some(one_set), Some(two_set)) = (read(one), read(two)) else {
        return;
    };
    for (text, set) in [(one, &one_set), (two, &two_set)] {
        assert_eq!(ScopeSet::parse(&set.to_string()).as_ref(), Ok(set));
        assert_eq!(set.is_empty(), text.is_empty());
        assert!(set.is_subset(set));
        for token in set.tokens() {
            assert!(set.contains(token));
        }
        let distinct = set
            .tokens()
            .iter()
            .map(String::as_str)
            .collect::<BTreeSet<_>>();
        assert_eq!(distinct.len(), set.tokens().len());
        let written = text.split(' ').filter(|token| !token.is_empty());
        assert_eq!(distinct, written.collect());
    }
    let both = one_set.intersection(&two_set);
    assert!(both.is_subset(&one_set) && both.is_subset(&two_set));
    assert_eq!(both == one_set, one_set.is_subset(&two_set));
    for token in one_set.tokens() {
        assert_eq!(both.contains(token), two_set.contains(token));
    }
}

/// Texts that carry secrets, ids and names: what is read is written as it was, and the octets of
/// the input make secrets that are read as they are written.
pub fn handle(data: &[u8]) {
    if let Some(text) = text(data) {
        let text = text.trim_end_matches('\n');
        let read = [
            Handle::parse(text).map(|handle| handle.reveal()).ok(),
            RefreshToken::parse(text).map(|token| token.reveal()).ok(),
            Secret::parse(text).map(|secret| secret.reveal()),
            Uuid::parse(text).map(|uuid| uuid.to_string()),
            ClientId::parse(text).map(|id| id.to_string()),
            RealmName::parse(text).map(|name| name.to_string()),
        ];
        taken(read[..4].iter().any(Option::is_some));
        // No text is two of the first three.
        assert!(read[..3].iter().flatten().count() <= 1);
        for shown in read.into_iter().flatten() {
            assert_eq!(shown, text);
        }
    }
    if let Some((octets, rest)) = data.split_first_chunk::<32>() {
        let secret = Secret::new(*octets);
        assert_eq!(Secret::parse(&secret.reveal()), Some(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.reveal()));
        let mut random = [0; 16];
        random
            .iter_mut()
            .zip(rest)
            .for_each(|(to, from)| *to = *from);
        let family = Uuid::from_random(random);
        assert_eq!(Uuid::parse(&family.to_string()), Some(family));
        assert_eq!((family.octets()[6] >> 4, family.octets()[8] >> 6), (4, 2));
        let handle = Handle { family, secret };
        assert_eq!(Handle::parse(&handle.reveal()), Ok(handle));
    }
}
