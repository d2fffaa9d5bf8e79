//! Authorization server metadata (RFC 8414; OpenID Connect Discovery §4).

use serde_json::{Map, Value};

use super::http::{Answer, Asked};
use super::report::{Row, Verdict, fail, skip, warn};
use super::url::Url;

/// The methods of client authentication that are registered (RFC 7591 §4.2, RFC 8705 §7.2).
const AUTH_METHODS: [&str; 7] = [
    "none",
    "client_secret_basic",
    "client_secret_post",
    "client_secret_jwt",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
];

/// The metadata of an issuer.
pub(super) struct Metadata {
    pub(super) issuer: Url,
    /// The URL at which it was found.
    pub(super) url: String,
    pub(super) answer: Answer,
    /// What it says.
    pub(super) members: Map<String, Value>,
}

/// The object of an answer that is good.
pub(super) fn object(asked: &Asked) -> Option<Map<String, Value>> {
    let answer = asked.as_ref().ok()?;
    (answer.status == 200).then(|| answer.object())?
}

/// A member that is a text.
pub(super) fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name)?.as_str()
}

/// A member that is a list of texts.
fn texts<'a>(members: &'a Map<String, Value>, name: &str) -> Option<Vec<&'a str>> {
    members
        .get(name)?
        .as_array()?
        .iter()
        .map(Value::as_str)
        .collect()
}

pub(super) const ROWS: [Row<Metadata>; 5] = [
    ("issuer", "RFC 8414 §3.3", issuer),
    ("required members", "RFC 8414 §2", required_members),
    ("endpoints", "RFC 8414 §2", endpoints),
    ("PKCE", "RFC 9700 §2.1.1", code_challenge_methods),
    ("auth methods", "RFC 8414 §2", auth_methods),
];

fn issuer(metadata: &Metadata) -> Verdict {
    match text(&metadata.members, "issuer") {
        Some(issuer) if issuer == metadata.issuer.as_str() => Ok(issuer.to_owned()),
        Some(issuer) => fail(format!("`{issuer}`, not `{}`", metadata.issuer.as_str())),
        None => fail("missing"),
    }
}

fn required_members(metadata: &Metadata) -> Verdict {
    let members = &metadata.members;
    let has_codes = texts(members, "grant_types_supported")
        .is_none_or(|grant_types| grant_types.contains(&"authorization_code"));
    let required = ["issuer", "token_endpoint", "jwks_uri"].into_iter();
    let required = required.chain(has_codes.then_some("authorization_endpoint"));
    let missing = required.filter(|name| text(members, name).is_none());
    let lists = ["response_types_supported"].into_iter();
    let missing = missing.chain(lists.filter(|name| texts(members, name).is_none()));
    let missing = missing.collect::<Vec<_>>().join(", ");
    match missing.is_empty() {
        true => Ok("all there".into()),
        false => fail(format!("missing or of the wrong type: {missing}")),
    }
}

fn endpoints(metadata: &Metadata) -> Verdict {
    let mut elsewhere = Vec::new();
    let mut count = 0_usize;
    let is_url = |name: &str| name.ends_with("_endpoint") || name == "jwks_uri";
    for (name, value) in metadata.members.iter().filter(|(name, _)| is_url(name)) {
        let url = value.as_str().and_then(Url::parse);
        let Some(url) = url.filter(Url::is_private) else {
            return fail(format!("{name} is not an https URL: {value}"));
        };
        if url.origin() != metadata.issuer.origin() {
            elsewhere.push(name.as_str());
        }
        count = count.saturating_add(1);
    }
    match elsewhere.is_empty() {
        true => Ok(format!("{count}, all on the issuer's origin")),
        false => warn(format!(
            "not on the issuer's origin: {}",
            elsewhere.join(", ")
        )),
    }
}

fn code_challenge_methods(metadata: &Metadata) -> Verdict {
    if !metadata.members.contains_key("authorization_endpoint") {
        return skip("no authorization endpoint");
    }
    match texts(&metadata.members, "code_challenge_methods_supported").as_deref() {
        Some(["S256"]) => Ok("S256 only".into()),
        Some(methods) if methods.contains(&"S256") => warn(format!(
            "{}: others than S256 show the verifier",
            methods.join(", ")
        )),
        _ => fail("code_challenge_methods_supported does not list S256"),
    }
}

fn auth_methods(metadata: &Metadata) -> Verdict {
    let name = "token_endpoint_auth_methods_supported";
    if !metadata.members.contains_key(name) {
        return warn("not told: clients take it for client_secret_basic");
    }
    let Some(methods) = texts(&metadata.members, name).filter(|methods| !methods.is_empty()) else {
        return fail("not a list of names");
    };
    let said = methods.join(", ");
    let algorithms = "token_endpoint_auth_signing_alg_values_supported";
    let algorithms = texts(&metadata.members, algorithms).unwrap_or_default();
    let signs = |method: &&str| method.ends_with("_jwt");
    if methods.iter().any(signs) && (algorithms.is_empty() || algorithms.contains(&"none")) {
        return fail(format!(
            "{said}, but no good token_endpoint_auth_signing_alg_values_supported"
        ));
    }
    if let Some(unknown) = methods.iter().find(|method| !AUTH_METHODS.contains(method)) {
        return warn(format!("`{unknown}` is not a registered method"));
    }
    if methods.contains(&"none") && !metadata.members.contains_key("authorization_endpoint") {
        return warn("`none` is listed, but nothing here is for public clients");
    }
    Ok(said)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::check::report::Objection;

    fn judged(judge: fn(&Metadata) -> Verdict, members: Value) -> &'static str {
        let metadata = Metadata {
            issuer: Url::parse("https://a.example/r").unwrap(),
            url: String::new(),
            answer: Answer::default(),
            members: members.as_object().unwrap().clone(),
        };
        match judge(&metadata) {
            Ok(_) => "pass",
            Err(Objection::Warn(_)) => "warn",
            Err(Objection::Fail(_)) => "fail",
            Err(Objection::Skip(_)) => "skip",
        }
    }

    #[test]
    fn members_are_judged() {
        let methods = |methods: Value| json!({"token_endpoint_auth_methods_supported": methods});
        for (judge, members, expected) in [
            (
                issuer as fn(&Metadata) -> Verdict,
                json!({"issuer": "https://a.example/r"}),
                "pass",
            ),
            (issuer, json!({"issuer": "https://a.example/r/"}), "fail"),
            (issuer, json!({"issuer": "https://A.example/r"}), "fail"),
            (issuer, json!({}), "fail"),
            (required_members, json!({}), "fail"),
            (
                endpoints,
                json!({"jwks_uri": "https://a.example/jwks"}),
                "pass",
            ),
            (
                endpoints,
                json!({"jwks_uri": "https://b.example/jwks"}),
                "warn",
            ),
            (
                endpoints,
                json!({"token_endpoint": "http://a.example/token"}),
                "fail",
            ),
            (endpoints, json!({"token_endpoint": 1}), "fail"),
            (code_challenge_methods, json!({}), "skip"),
            (
                code_challenge_methods,
                json!({"authorization_endpoint": ""}),
                "fail",
            ),
            (
                code_challenge_methods,
                json!({"authorization_endpoint": "", "code_challenge_methods_supported": ["plain"]}),
                "fail",
            ),
            (
                code_challenge_methods,
                json!({"authorization_endpoint": "", "code_challenge_methods_supported": ["S256", "plain"]}),
                "warn",
            ),
            (auth_methods, json!({}), "warn"),
            (auth_methods, methods(json!([])), "fail"),
            (auth_methods, methods(json!([1])), "fail"),
            (
                auth_methods,
                methods(json!(["client_secret_basic"])),
                "pass",
            ),
            (auth_methods, methods(json!(["secret"])), "warn"),
            (auth_methods, methods(json!(["none"])), "warn"),
            (auth_methods, methods(json!(["private_key_jwt"])), "fail"),
        ] {
            assert_eq!(judged(judge, members.clone()), expected, "{members}");
        }
    }
}
