//! Targets for records: clients, not-before moments, and the metadata of those who register.

use edge_token::auth_method::AuthMethod;
use edge_token::client::registration::{RegistrationPolicy, information};
use edge_token::client::{Client, ClientSecretHash};
use edge_token::json::{Json as _, Object};
use edge_token::name::ClientId;
use edge_token::not_before::{NotBefore, Whose};
use edge_token::scope::ScopeSet;
use edge_token::time::{Seconds, UnixTime};
use serde_json::{Value, json};

use super::known::{NOW, at};
use super::{first_line, taken, text};

/// The record of the client `app`. What is read is within all bounds, and is read the same when it is
/// written.
pub fn client_record(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let id = ClientId::parse("app").unwrap();
    let read = Client::parse(text, &id);
    taken(read.is_ok());
    if let Ok(client) = &read {
        check_client(client);
    }
    let value = serde_json::from_str::<Value>(text).unwrap_or_default();
    if let Some(hash) = value["secrets"][0]["hash"].as_str() {
        if let Some(read) = ClientSecretHash::from_json(hash.into()) {
            assert_eq!(read.to_json(), hash);
        }
        let is_told = |error| format!("{error:?}").contains(hash);
        let is_once = hash.len() > 16 && text.matches(hash).count() == 1;
        assert!(
            !is_once || !read.is_err_and(is_told),
            "an error quotes a hash"
        );
    }
    if let Some(moment) = UnixTime::from_json(value["updated_at"].clone()) {
        assert_eq!(UnixTime::from_json(moment.to_json()), Some(moment));
        assert_eq!(moment.to_string(), value["updated_at"].to_string());
        let span = Seconds(value["access_token_ttl"].as_u64().unwrap_or(1) as u32);
        assert!(moment.minus(span) <= moment && moment <= moment.plus(span));
        assert!(moment.plus(span).since(moment) <= span);
    }
}

/// What holds of every client, wherever its record came from.
fn check_client(client: &Client) {
    let id = &client.client_id;
    let written = serde_json::to_string(client).unwrap();
    let again = Client::parse(&written, id).expect("what is written can be read");
    assert_eq!(serde_json::to_string(&again).unwrap(), written);
    assert_eq!(client.check(), Ok(()));
    assert!(client.default_scope().is_subset(&client.scope));
    assert!(
        client
            .access_token_ttl
            .is_none_or(|ttl| (1..=2_592_000).contains(&ttl.0))
    );
    for claim in [
        "iss",
        "sub",
        "aud",
        "exp",
        "iat",
        "jti",
        "scope",
        "client_id",
        "cnf",
        "act",
    ] {
        assert!(!client.claims.contains_key(claim), "{claim}");
    }
    for uri in client
        .redirect_uris
        .iter()
        .chain(&client.post_logout_redirect_uris)
    {
        assert!(uri.is_ascii() && !uri.contains([' ', '#', '"', '<', '>', '\r', '\n']));
        let scheme = uri.split(':').next().unwrap();
        assert!(
            ["https", "http"].contains(&scheme) || scheme.contains('.'),
            "{scheme}"
        );
    }
    match client.token_endpoint_auth_method {
        AuthMethod::PrivateKeyJwt => assert!(!client.keys().unwrap().usable.is_empty()),
        AuthMethod::TlsClientAuth => {
            assert!(
                !client
                    .tls_client_auth_subject_dn
                    .as_deref()
                    .unwrap()
                    .is_empty()
            );
        }
        _ => (),
    }
    let other = ClientId::parse("other").unwrap();
    assert!(
        Client::parse(&written, &other).is_err(),
        "it is another client's"
    );
}

/// The record of a realm's moments, and on the next line whose and which moment is set then.
pub fn not_before_record(data: &[u8]) {
    let Some((record, more)) = text(data).map(first_line) else {
        return;
    };
    let read = NotBefore::parse(record);
    taken(read.is_ok());
    let Ok(mut moments) = read else { return };
    let (client, subject) = more.split_once(' ').unwrap_or((more, "x"));
    for whose in [
        None,
        Some(Whose::Client(client)),
        Some(Whose::Subject(subject)),
        Some(Whose::Realm),
    ] {
        if let Some(whose) = whose {
            let moment = at(more.len() as u64 * 1000);
            moments.set(whose, moment);
            assert_eq!(moments.of(whose), moment);
        }
        let written = moments.to_record(at(NOW), "fuzz");
        assert_eq!(NotBefore::parse(&written).as_ref(), Ok(&moments));
        for (whose, moment) in moments.all() {
            assert_eq!(moments.of(whose), moment);
            let (client, subject) = match whose {
                Whose::Realm => ("nobody's", "nobody"),
                Whose::Client(id) => (id, "nobody"),
                Whose::Subject(sub) => ("nobody's", sub),
            };
            if moment > UnixTime::default() {
                assert!(moments.is_past(moment.minus(Seconds(1)), client, subject));
            }
        }
        let last = moments
            .all()
            .map(|(_, moment)| moment)
            .max()
            .unwrap_or_default();
        assert!(!moments.is_past(last, client, subject));
    }
}

/// A realm's policy, and on the next lines the metadata that somebody registers with. Whoever is
/// registered has a record that can be read, within the policy.
pub fn registration(data: &[u8]) {
    let Some((policy, metadata)) = text(data).map(first_line) else {
        return;
    };
    let members = |text| serde_json::from_str::<Value>(text).unwrap();
    let Some(Ok(policy_read)) = Object::parse(policy).ok().map(RegistrationPolicy::parse) else {
        return taken(false);
    };
    let Ok(object) = Object::parse(metadata) else {
        return taken(false);
    };
    let id = ClientId::parse("app").unwrap();
    let registered = policy_read.register(object, id, "client app".to_owned(), at(NOW));
    taken(registered.is_ok());
    let Ok((client, _)) = registered else { return };
    check_client(&client);
    let policy = members(policy);
    let lists =
        |member: &str, name: &str| policy[member].as_array().unwrap().contains(&json!(name));
    for grant_type in &client.grant_types {
        assert!(lists("grant_types", grant_type), "{grant_type}");
    }
    let method = client.token_endpoint_auth_method;
    assert!(lists("auth_methods", method.name()));
    assert!(method != AuthMethod::None || !client.may_use("client_credentials"));
    let allowed = ScopeSet::parse(policy["scopes"].as_str().unwrap_or_default()).unwrap();
    assert!(client.scope.is_subset(&allowed));
    assert!(!client.scope.contains("client_registration"));
    assert!(!client.may_use("authorization_code") || !client.redirect_uris.is_empty());
    // Nobody makes themselves more than a client.
    assert!(!client.trusted && !client.may_impersonate && !client.disabled);
    assert!(client.claims.is_empty() && client.audience.is_empty() && client.resources.is_empty());
    assert!(client.secrets.is_empty() && client.subject.is_none());
    assert!(client.trusted_issuers.is_empty() && client.exchange_audience.is_empty());
    let told = information(&client);
    assert_eq!(told["client_id"], "app");
    assert_eq!(told["scope"], client.scope.to_string());
}
