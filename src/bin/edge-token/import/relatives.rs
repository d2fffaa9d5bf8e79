//! Lists of other servers that are near to client metadata (RFC 7591): Hydra's and Auth0's.

use edge_token::grant_type::GrantType;
use serde_json::{Map, Value, json};

use super::value::Members;
use super::{Draft, Notes, Stop, list};

/// What Hydra's clients are known by.
pub(super) const HYDRA: [&str; 5] = [
    "access_token_strategy",
    "allowed_cors_origins",
    "client_credentials_grant_access_token_lifespan",
    "skip_consent",
    "skip_logout_consent",
];

/// What Auth0's clients are known by.
pub(super) const AUTH0: [&str; 7] = [
    "allowed_logout_urls",
    "app_type",
    "callbacks",
    "is_first_party",
    "jwt_configuration",
    "oidc_conformant",
    "tenant",
];

/// Members of Hydra's that are of no use here, whatever they are.
const OF_HYDRA: [&str; 11] = [
    "access_token_strategy",
    "allowed_cors_origins",
    "backchannel_logout_session_required",
    "backchannel_logout_uri",
    "created_at",
    "frontchannel_logout_session_required",
    "frontchannel_logout_uri",
    "metadata",
    "owner",
    "request_uris",
    "skip_logout_consent",
];

/// A client of Hydra (Ory), whose secrets are hashed and in no list.
pub(super) fn hydra(mut members: Map<String, Value>, notes: &mut Notes) -> Result<Draft, Stop> {
    let mut told = Vec::new();
    for name in OF_HYDRA {
        let value = members.remove(name).unwrap_or_default();
        let is_nothing = ["created_at", "skip_logout_consent"].contains(&name)
            || matches!(&value, Value::Null | Value::Bool(_))
            || value == json!({})
            || value == json!([])
            || value == "";
        if !is_nothing {
            told.push(name);
        }
    }
    if !told.is_empty() {
        notes.stays(format!("`{}`", told.join("`, `")));
    }
    members.remove("skip_consent");
    let lifespans = members
        .keys()
        .filter(|name| name.ends_with("_lifespan"))
        .cloned();
    for name in lifespans.collect::<Vec<_>>() {
        let value = members.remove(&name).unwrap_or_default();
        let is_own = name == "client_credentials_grant_access_token_lifespan";
        match value.as_str().filter(|text| !text.is_empty()) {
            None => (),
            Some(text) if is_own => {
                let seconds =
                    seconds(text).ok_or_else(|| format!("`{name}` must be a duration"))?;
                members.insert("access_token_ttl".to_owned(), seconds.into());
            }
            Some(_) => {
                return Err(Stop::LeftOut(format!(
                    "its `{name}` limits what it gets, and here one lifetime counts for all its \
                     access tokens"
                )));
            }
        }
    }
    // An empty set of keys, which Hydra writes for none.
    if members
        .get("jwks")
        .is_some_and(|jwks| jwks.get("keys").is_none_or(|keys| *keys == json!([])))
    {
        members.remove("jwks");
    }
    // Texts that are empty stand for absent.
    members.retain(|_, value| *value != "");
    served(&mut members, notes)?;
    // There, a client that asks for no scope gets none.
    members.entry("default_scope").or_insert_with(|| "".into());
    list::draft(members, notes)
}

/// A client of Auth0: what it may ask for is in its client grants, which are another list.
pub(super) fn auth0(members: Map<String, Value>, notes: &mut Notes) -> Result<Draft, Stop> {
    let client = Members(&members);
    if client.flag("global", false)? {
        return Err(Stop::LeftOut(
            "it is Auth0's own, for its management".to_owned(),
        ));
    }
    let mut taken = Map::new();
    for (theirs, ours) in [
        ("client_id", "client_id"),
        ("client_secret", "client_secret"),
        ("name", "client_name"),
        ("callbacks", "redirect_uris"),
        ("allowed_logout_urls", "post_logout_redirect_uris"),
        ("grant_types", "grant_types"),
        ("token_endpoint_auth_method", "token_endpoint_auth_method"),
        (
            "require_pushed_authorization_requests",
            "require_pushed_authorization_requests",
        ),
        ("require_proof_of_possession", "require_bound_tokens"),
    ] {
        if let Some(value) = client.get(theirs).filter(|value| **value != json!([])) {
            taken.insert(ours.to_owned(), value.clone());
        }
    }
    for (member, why) in [
        (
            "client_authentication_methods",
            "it authenticates by keys or certificates (`client_authentication_methods`)",
        ),
        (
            "signed_request_object",
            "its authorization requests must be signed (`signed_request_object`)",
        ),
        (
            "organization_require_behavior",
            "it is for members of organizations alone (`organization_require_behavior`)",
        ),
    ] {
        let is_set = client.get(member).is_some_and(|value| {
            let is_off = *value == json!({}) || *value == "no_prompt";
            !is_off && value.get("required") != Some(&Value::Bool(false))
        });
        if is_set {
            return Err(Stop::LeftOut(format!("{why}, which cannot be taken")));
        }
    }
    served(&mut taken, notes)?;
    if taken
        .get("token_endpoint_auth_method")
        .is_some_and(|method| method == "none")
    {
        let machine = GrantType::ClientCredentials.name();
        if let Some(Value::Array(grants)) = taken.get_mut("grant_types") {
            grants.retain(|grant| grant != machine);
        }
    }
    let has_codes = |taken: &Map<String, Value>| {
        let grants = taken.get("grant_types").and_then(Value::as_array);
        let code = GrantType::AuthorizationCode.name();
        grants.is_some_and(|grants| grants.iter().any(|grant| grant == code))
    };
    // The default of each application there, with or without anywhere to send codes.
    if has_codes(&taken)
        && !taken.contains_key("redirect_uris")
        && let Some(Value::Array(grants)) = taken.get_mut("grant_types")
    {
        grants.retain(|grant| {
            let codes = [GrantType::AuthorizationCode, GrantType::RefreshToken];
            !codes.iter().any(|code| grant == code.name())
        });
    }
    if taken
        .get("grant_types")
        .is_none_or(|grants| *grants == json!([]))
    {
        return Err(Stop::LeftOut(
            "it uses no grant that is served: it asks for no token for itself, and has nowhere to \
             send codes (`callbacks`)"
                .to_owned(),
        ));
    }
    notes.task(
        "what it may ask for is in Auth0's client grants, another list: put `scope`, \
         `default_scope` and `audience` into its record",
    );
    notes.stays("rules, actions, organizations, metadata and all else that Auth0 says of it");
    list::draft(taken, notes)
}

/// Keeps the grants that are served, and tells of the others.
fn served(members: &mut Map<String, Value>, notes: &mut Notes) -> Result<(), Stop> {
    let Some(Value::Array(grants)) = members.get_mut("grant_types") else {
        return Ok(());
    };
    let is_served = |grant: &Value| grant.as_str().and_then(GrantType::parse).is_some();
    for grant in grants.iter().filter(|grant| !is_served(grant)) {
        let name = grant.as_str().unwrap_or_default();
        notes.stays(format!("the grant `{name}`, which is not served"));
    }
    grants.retain(is_served);
    if grants.is_empty() {
        return Err(Stop::LeftOut("nothing that it uses is served".to_owned()));
    }
    if let Some(Value::Array(types)) = members.get_mut("response_types") {
        types.retain(|one| one == "code" || one == "none");
    }
    Ok(())
}

/// A duration as Go writes it, `1h30m0s`, in whole seconds.
fn seconds(text: &str) -> Option<u64> {
    let (mut all, mut number) = (0_u64, String::new());
    for c in text.chars() {
        if c.is_ascii_digit() {
            number.push(c);
            continue;
        }
        let unit = match c {
            'h' => 3600,
            'm' => 60,
            's' => 1,
            _ => return None,
        };
        let part = number.parse::<u64>().ok()?.checked_mul(unit)?;
        all = all.checked_add(part)?;
        number.clear();
    }
    (number.is_empty() && all > 0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(
        of: fn(Map<String, Value>, &mut Notes) -> Result<Draft, Stop>,
        value: Value,
    ) -> Map<String, Value> {
        let Value::Object(members) = value else {
            panic!()
        };
        match of(members, &mut Notes::default()) {
            Ok(draft) => draft.members,
            Err(Stop::Wrong(why) | Stop::LeftOut(why)) => panic!("{why}"),
        }
    }

    #[test]
    fn a_client_of_hydra_asks_for_no_more_than_there() {
        let members = made(
            hydra,
            json!({
                "client_id": "x", "client_name": "", "redirect_uris": [], "response_types": null,
                "grant_types": ["client_credentials", "implicit"], "scope": "read write",
                "audience": ["a"],
                "owner": "", "jwks": {}, "metadata": {},
                "token_endpoint_auth_method": "client_secret_basic",
                "userinfo_signed_response_alg": "none", "created_at": "2024-01-01T00:00:00Z",
                "updated_at": "2024-01-01T00:00:00Z", "skip_consent": false,
                "subject_type": "public",
                "client_secret_expires_at": 0, "access_token_strategy": "jwt",
                "client_credentials_grant_access_token_lifespan": "1h30m0s",
            }),
        );
        assert_eq!(members["grant_types"], json!(["client_credentials"]));
        assert_eq!(
            (&members["default_scope"], &members["scope"]),
            (&json!(""), &json!("read write"))
        );
        assert_eq!(members["access_token_ttl"], 5_400);
    }

    #[test]
    fn a_client_of_auth0_is_taken_without_what_is_not_served() {
        let members = made(
            auth0,
            json!({
                "tenant": "t", "global": false, "name": "App", "client_id": "x",
                "client_secret": "s",
                "app_type": "regular_web", "callbacks": ["https://a.example/cb"],
                "allowed_logout_urls": [],
                "grant_types": ["authorization_code", "implicit", "refresh_token",
                "client_credentials"],
                "token_endpoint_auth_method": "client_secret_post",
                "jwt_configuration": {"alg": "RS256"},
                "organization_require_behavior": "no_prompt",
            }),
        );
        assert_eq!(
            members["grant_types"],
            json!(["authorization_code", "refresh_token", "client_credentials"])
        );
        assert_eq!(members["redirect_uris"], json!(["https://a.example/cb"]));
        assert_eq!(members["token_endpoint_auth_method"], "client_secret_post");
    }

    #[test]
    fn durations_of_go_are_read() {
        for (text, expected) in [
            ("1h0m0s", Some(3_600)),
            ("90s", Some(90)),
            ("0s", None),
            ("1d", None),
            ("5", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
