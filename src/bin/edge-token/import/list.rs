//! Plain lists: the members of a record (docs/storage.md) and of client metadata (RFC 7591 §2), as
//! JSON or as the cells of a table.

use edge_token::auth_method::AuthMethod;
use edge_token::grant_type::GrantType;
use edge_token::uri::is_page_url;
use serde_json::{Map, Value};

use super::placeholder::is_template;
use super::value::{Members, as_text};
use super::{Draft, Notes, Secret, Stop};

/// What a member is in a record.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    Text,
    /// Words with one space between.
    Scope,
    Number,
    Flag,
    /// An array of strings that have neither white space nor commas.
    Words,
    /// An array of strings that have no white space.
    Texts,
    Object,
    /// The URL of a page that people are shown.
    Page,
    /// As it is.
    Any,
}

/// The members that a list may have and a record has too.
const MEMBERS: [(&str, Form); 32] = [
    ("access_token_ttl", Form::Number),
    ("audience", Form::Texts),
    ("claims", Form::Object),
    ("client_id", Form::Text),
    ("client_name", Form::Text),
    ("client_uri", Form::Page),
    ("default_scope", Form::Scope),
    ("disabled", Form::Flag),
    ("dpop_bound_access_tokens", Form::Flag),
    ("exchange_audience", Form::Texts),
    ("grant_types", Form::Words),
    ("hidden_scope", Form::Scope),
    ("jwks", Form::Object),
    ("logo_uri", Form::Page),
    ("may_impersonate", Form::Flag),
    ("policy_uri", Form::Page),
    ("post_logout_redirect_uris", Form::Texts),
    ("redirect_uris", Form::Texts),
    ("refresh_token_grace", Form::Number),
    ("require_bound_tokens", Form::Flag),
    ("require_pkce", Form::Flag),
    ("require_pushed_authorization_requests", Form::Flag),
    ("resources", Form::Texts),
    ("scope", Form::Scope),
    ("secrets", Form::Any),
    ("subject", Form::Text),
    ("tls_client_auth_subject_dn", Form::Text),
    ("tls_client_certificate_bound_access_tokens", Form::Flag),
    ("token_endpoint_auth_method", Form::Text),
    ("tos_uri", Form::Page),
    ("trusted", Form::Flag),
    ("trusted_issuers", Form::Words),
];

/// Members of client metadata that change nothing here, or only who reads it.
const PASSED_OVER: [&str; 10] = [
    "application_type",
    "client_id_issued_at",
    "client_secret_expires_at",
    "jwks_uri",
    "registration_access_token",
    "registration_client_uri",
    "response_types",
    "updated_at",
    "updated_by",
    "version",
];

/// Members of client metadata that have no place in a record.
const TOLD: [&str; 5] = [
    "contacts",
    "initiate_login_uri",
    "software_id",
    "software_statement",
    "software_version",
];

/// Members of client metadata that restrict a client (OpenID Connect Registration §2, RFC 7591, RFC
/// 9101, RFC 9396), with the values that are so here anyway.
const RESTRICTIONS: [(&str, &[&str]); 23] = [
    ("authorization_encrypted_response_alg", &[]),
    ("authorization_encrypted_response_enc", &[]),
    ("authorization_signed_response_alg", &[]),
    ("default_acr_values", &[]),
    ("default_max_age", &[]),
    ("id_token_encrypted_response_alg", &[]),
    ("id_token_encrypted_response_enc", &[]),
    ("id_token_signed_response_alg", &["ES256"]),
    ("introspection_encrypted_response_alg", &[]),
    ("introspection_signed_response_alg", &[]),
    ("request_object_encryption_alg", &[]),
    ("request_object_encryption_enc", &[]),
    ("request_object_signing_alg", &[]),
    ("require_auth_time", &["false"]),
    ("require_signed_request_object", &["false"]),
    ("sector_identifier_uri", &[]),
    ("subject_type", &["public"]),
    ("tls_client_auth_san_dns", &[]),
    ("tls_client_auth_san_uri", &[]),
    ("token_endpoint_auth_signing_alg", &["ES256"]),
    ("userinfo_encrypted_response_alg", &[]),
    ("userinfo_encrypted_response_enc", &[]),
    ("userinfo_signed_response_alg", &["none"]),
];

/// Makes a draft of the members of one entry.
pub(super) fn draft(members: Map<String, Value>, notes: &mut Notes) -> Result<Draft, Stop> {
    let entry = Members(&members);
    let mut draft = Draft::default();
    if entry.text("client_id")?.is_none() {
        return Err(Stop::Wrong("`client_id` is missing".to_owned()));
    }
    for (name, allowed) in RESTRICTIONS {
        let value = entry.text(name).unwrap_or_else(|_| Some("…".to_owned()));
        if let Some(value) = value.filter(|value| !allowed.contains(&value.as_str())) {
            return Err(Stop::LeftOut(format!(
                "its `{name}` is `{value}`, which no record can have"
            )));
        }
    }
    if entry.get("authorization_details_types").is_some() {
        return Err(Stop::LeftOut(
            "its `authorization_details_types` (RFC 9396) are not served".to_owned(),
        ));
    }
    let response_types = entry
        .get("response_types")
        .map(|value| list(value, Form::Words));
    if let Some(types) = response_types
        .transpose()
        .map_err(|why| why.replace("{}", "response_types"))?
        && let Some(other) = types.iter().find(|one| *one != "code" && *one != "none")
    {
        return Err(Stop::Wrong(format!(
            "its response type `{other}` is not served: `code` alone is"
        )));
    }
    draft.secret = Secret::of(entry.text("client_secret")?);
    draft.secret_expires_at = match entry.number("client_secret_expires_at")? {
        // RFC 7591 §3.2.1: "or 0 if it will not expire".
        None | Some(0) => None,
        Some(seconds) => Some(
            u64::try_from(seconds)
                .map_err(|_| "`client_secret_expires_at` must be seconds since 1970".to_owned())?,
        ),
    };
    draft.jwks_url = entry.text("jwks_uri")?;
    if draft.jwks_url.is_some() {
        notes.different(
            "its keys are those that its JWKS URL had at the import, and do not follow it: `client \
             set-jwks` changes them",
        );
    }
    for (name, value) in &members {
        if value.is_null() || name == "client_secret" || PASSED_OVER.contains(&name.as_str()) {
            continue;
        }
        if RESTRICTIONS.iter().any(|(known, _)| known == name) {
            continue;
        }
        if TOLD.contains(&name.as_str()) {
            notes.stays(format!("`{name}`"));
            continue;
        }
        let mut known = MEMBERS.iter();
        let form = known.find(|(known, _)| known == name);
        let Some((_, form)) = form else {
            return Err(Stop::Wrong(format!("member `{name}` is unknown")));
        };
        if *form == Form::Page {
            page(&mut draft, name, as_text(value), notes);
            continue;
        }
        let value =
            formed(value, *form).map_err(|must_be| format!("`{name}` must be {must_be}"))?;
        let Some(value) = value else { continue };
        if name != "client_name" && has_placeholder(&value) {
            return Err(Stop::Wrong(format!("`{name}` has a placeholder")));
        }
        draft.set(name, value);
    }
    Ok(draft)
}

/// Takes the URL of a page, if people may be shown it.
pub(super) fn page(draft: &mut Draft, member: &str, url: Option<String>, notes: &mut Notes) {
    match url.filter(|url| !url.is_empty()) {
        Some(url) if is_page_url(&url) => draft.set(member, url),
        Some(_) => notes.stays(format!(
            "`{member}`: people are shown https, or http on loopback, alone"
        )),
        None => (),
    }
}

/// Whether a string, or one of an array, is a template's.
fn has_placeholder(value: &Value) -> bool {
    match value {
        Value::String(text) => is_template(text),
        Value::Array(items) => items.iter().any(has_placeholder),
        _ => false,
    }
}

/// A value in the form that a record has; nothing for one that is empty.
fn formed(value: &Value, form: Form) -> Result<Option<Value>, &'static str> {
    let text = as_text(value);
    let value = match form {
        Form::Any | Form::Page => value.clone(),
        Form::Text => text.ok_or("a string")?.into(),
        Form::Scope => match value {
            Value::Array(_) => list(value, Form::Words)?.join(" ").into(),
            _ => {
                let text = text.ok_or("a string")?;
                let words = text.split_whitespace().collect::<Vec<_>>();
                words.join(" ").into()
            }
        },
        Form::Number => match text.map(|text| text.trim().parse::<u64>()) {
            Some(Ok(number)) => number.into(),
            _ => return Err("a whole number"),
        },
        Form::Flag => match text.map(|text| text.trim().to_ascii_lowercase()).as_deref() {
            Some("true" | "yes" | "1") => true.into(),
            Some("false" | "no" | "0") => false.into(),
            _ => return Err("true or false"),
        },
        Form::Words | Form::Texts => {
            let list = list(value, form)?;
            if list.is_empty() && value.is_string() {
                return Ok(None);
            }
            list.into()
        }
        Form::Object => match (value, text) {
            (Value::Object(_), _) => value.clone(),
            (Value::String(text), _) => match serde_json::from_str(text) {
                Ok(Value::Object(members)) => Value::Object(members),
                _ => return Err("an object"),
            },
            _ => return Err("an object"),
        },
    };
    Ok(Some(value))
}

/// A list: of JSON, or in one text with white space between. Commas separate too where no entry can
/// have one, and between URIs, of which none has a comma before another's scheme.
fn list(value: &Value, form: Form) -> Result<Vec<String>, &'static str> {
    const WRONG: &str = "an array of strings";
    let entries = match value {
        Value::Array(items) => {
            let texts = items.iter().filter(|item| !item.is_null()).map(as_text);
            let mut texts = texts.collect::<Option<Vec<_>>>().ok_or(WRONG)?;
            texts.retain(|text| !text.is_empty());
            return match texts.iter().any(|text| text.contains(char::is_whitespace)) {
                true => Err("an array of strings without white space"),
                false => Ok(texts),
            };
        }
        Value::String(text) => text,
        _ => return Err(WRONG),
    };
    if entries.trim_start().starts_with('[')
        && let Ok(items @ Value::Array(_)) = serde_json::from_str(entries)
    {
        return list(&items, form);
    }
    let mut list = Vec::new();
    for word in entries.split_whitespace() {
        let parts = word.split([',', ';']).filter(|part| !part.is_empty());
        let parts = parts.collect::<Vec<_>>();
        let is_uri = |part: &&str| part.contains("://") || part.starts_with("urn:");
        match form == Form::Words || parts.iter().all(is_uri) {
            true => list.extend(parts.into_iter().map(str::to_owned)),
            false => list.push(word.to_owned()),
        }
    }
    Ok(list)
}

/// Fills in what a list leaves out.
pub(super) fn completed(mut draft: Draft) -> Draft {
    let has = |draft: &Draft, member: &str| draft.members.contains_key(member);
    // 1. Grants. Without any, RFC 7591 §2 has codes; lists of machines have no redirect URIs.
    if !has(&draft, "grant_types") {
        let grant = match has(&draft, "redirect_uris") {
            true => GrantType::AuthorizationCode,
            false => GrantType::ClientCredentials,
        };
        draft.set("grant_types", vec![grant.name()]);
    }
    // 2. How it authenticates, if something shows it.
    if !has(&draft, "token_endpoint_auth_method") {
        let method = match () {
            () if has(&draft, "jwks") || draft.jwks_url.is_some() => {
                Some(AuthMethod::PrivateKeyJwt)
            }
            () if has(&draft, "tls_client_auth_subject_dn") => Some(AuthMethod::TlsClientAuth),
            () => None,
        };
        if let Some(method) = method {
            draft.set("token_endpoint_auth_method", method.name());
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn members(value: Value) -> Result<Map<String, Value>, String> {
        let Value::Object(entry) = value else {
            panic!()
        };
        let draft = draft(entry, &mut Notes::default());
        match draft {
            Ok(draft) => Ok(completed(draft).members),
            Err(Stop::Wrong(why)) => Err(why),
            Err(Stop::LeftOut(why)) => Err(format!("left out: {why}")),
        }
    }

    #[test]
    fn cells_and_json_give_the_same_members() {
        let texts = json!({
            "client_id": "x", "grant_types": "client_credentials, refresh_token",
            "audience": " https://a.example  https://b.example,https://c.example ",
            "scope": " read  write", "access_token_ttl": "60", "disabled": "TRUE",
            "claims": "{\"tier\":1}", "resources": "[\"a\", \"\"]",
        });
        let lists = json!({
            "client_id": "x", "grant_types": ["client_credentials", "refresh_token"],
            "audience": ["https://a.example", "https://b.example", "https://c.example"],
            "scope": ["read", "write"], "access_token_ttl": 60, "disabled": true,
            "claims": {"tier": 1}, "resources": ["", "a"], "client_name": null,
        });
        let found = members(texts).unwrap();
        assert_eq!(found, members(lists).unwrap());
        assert_eq!(found["scope"], "read write");
        assert_eq!(found["audience"].as_array().map(Vec::len), Some(3));
    }

    #[test]
    fn pages_that_people_may_be_shown_are_taken() {
        let (mut notes, given) = (
            Notes::default(),
            json!({
                "client_id": "x", "client_uri": "https://a.example/#about", "logo_uri": "",
                "policy_uri": "javascript:alert(1)", "tos_uri": "http://a.example/terms",
            }),
        );
        let Value::Object(given) = given else {
            panic!()
        };
        let found = draft(given, &mut notes).ok().unwrap().members;
        assert_eq!(found["client_uri"], "https://a.example/#about");
        for absent in ["logo_uri", "policy_uri", "tos_uri"] {
            assert!(!found.contains_key(absent), "{absent}");
        }
        let told = notes.0.iter().map(|(_, text)| text.split(':').next());
        let told = told.collect::<Vec<_>>();
        assert_eq!(told, [Some("`policy_uri`"), Some("`tos_uri`")]);
    }

    #[test]
    fn what_is_left_out_is_filled_in() {
        for (entry, grants, method) in [
            (json!({}), "client_credentials", None),
            (
                json!({"redirect_uris": ["https://a.example/cb"]}),
                "authorization_code",
                None,
            ),
            (
                json!({"jwks_uri": "https://a.example"}),
                "client_credentials",
                Some("private_key_jwt"),
            ),
            (
                json!({"tls_client_auth_subject_dn": "CN=x"}),
                "client_credentials",
                Some("tls_client_auth"),
            ),
        ] {
            let mut entry = entry;
            entry["client_id"] = "x".into();
            let found = members(entry).unwrap();
            assert_eq!(found["grant_types"], json!([grants]));
            let named = found
                .get("token_endpoint_auth_method")
                .and_then(Value::as_str);
            assert_eq!(named, method);
        }
    }

    #[test]
    fn each_thing_that_is_wrong_names_its_member() {
        for (entry, why) in [
            (json!({}), "`client_id` is missing"),
            (
                json!({"client_id": "x", "colour": 1}),
                "member `colour` is unknown",
            ),
            (
                json!({"client_id": "x", "access_token_ttl": "long"}),
                "`access_token_ttl` must be a whole number",
            ),
            (
                json!({"client_id": "x", "disabled": "maybe"}),
                "`disabled` must be true or false",
            ),
            (
                json!({"client_id": "x", "claims": "[]"}),
                "`claims` must be an object",
            ),
            (
                json!({"client_id": "x", "audience": ["a b"]}),
                "`audience` must be an array of strings without white space",
            ),
            (
                json!({"client_id": "${ID}"}),
                "`client_id` has a placeholder",
            ),
            (
                json!({"client_id": "x", "audience": 7}),
                "`audience` must be an array of strings",
            ),
            (
                json!({"client_id": "x", "response_types": ["token"]}),
                "its response type `token` is not served",
            ),
            (
                json!({"client_id": "x", "id_token_encrypted_response_alg": "RSA-OAEP"}),
                "left out: its `id_token_encrypted_response_alg` is `RSA-OAEP`",
            ),
            (
                json!({"client_id": "x", "require_signed_request_object": true}),
                "left out: its `require_signed_request_object` is `true`",
            ),
            (
                json!({"client_id": "x", "subject_type": "pairwise"}),
                "left out: its `subject_type` is `pairwise`",
            ),
        ] {
            let found = members(entry.clone()).unwrap_err();
            assert!(found.starts_with(why), "{entry}: {found}");
        }
    }
}
