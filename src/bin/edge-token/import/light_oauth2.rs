//! light-oauth2: the rows of its table `client`, and the clients that its client service lists.

use edge_token::auth_method::AuthMethod;
use edge_token::dialect::Dialect;
use edge_token::grant_type::GrantType;
use edge_token::uri::is_redirect_uri;
use serde_json::{Map, Value};

use super::placeholder::is_hash;
use super::value::Members;
use super::{Draft, Notes, Secret, Stop};

/// What its clients are known by, as columns and as members of JSON.
pub(super) const MARKS: [&str; 16] = [
    "authenticateClass",
    "authenticate_class",
    "clientDesc",
    "clientProfile",
    "clientSecret",
    "clientType",
    "client_desc",
    "client_profile",
    "client_type",
    "customClaim",
    "custom_claim",
    "deRefClientId",
    "derefClientId",
    "deref_client_id",
    "ownerId",
    "owner_id",
];

/// Makes a draft of a client.
pub(super) fn draft(
    members: Map<String, Value>,
    dialect: Option<&Dialect>,
    notes: &mut Notes,
) -> Result<Draft, Stop> {
    let snake = members
        .into_iter()
        .map(|(name, value)| (snake(&name), value));
    let snake = snake.collect::<Map<_, _>>();
    let client = Members(&snake);
    let mut draft = Draft::default();
    let id = client
        .text("client_id")?
        .ok_or("`client_id` is missing".to_owned())?;
    draft.set("client_id", id);
    if let Some(name) = client.text("client_name")? {
        draft.set("client_name", name);
    }
    let scope = client.text("scope")?.unwrap_or_default();
    draft.set(
        "scope",
        scope.split_whitespace().collect::<Vec<_>>().join(" "),
    );
    // 1. What it is.
    let kind = client
        .text("client_type")?
        .map(|kind| kind.to_ascii_lowercase());
    let (is_public, is_trusted) = match kind.as_deref() {
        None | Some("confidential" | "server" | "service" | "standalone") => (false, false),
        Some("trusted") => (false, true),
        Some("public" | "mobile" | "browser") => (true, false),
        Some(other) => {
            return Err(Stop::Wrong(format!(
                "`client_type` must be public, confidential or trusted, and is `{other}`"
            )));
        }
    };
    if let Some(class) = client.text("authenticate_class")? {
        return Err(Stop::LeftOut(format!(
            "people sign in to it by a class of its own (`authenticate_class`: `{class}`), and the \
             login application has one way for all"
        )));
    }
    if let Some(other) = client.text("deref_client_id")? {
        notes.stays(format!(
            "the exchange of tokens of the client `{other}` (`deref_client_id`)"
        ));
    }
    for member in ["client_desc", "owner_id"] {
        if client.get(member).is_some() {
            notes.stays(format!("`{member}`"));
        }
    }
    // 2. What it may use.
    let mut grants = Vec::new();
    if !is_public {
        grants.push(GrantType::ClientCredentials);
    }
    if let Some(uri) = client.text("redirect_uri")? {
        match is_redirect_uri(&uri) {
            true => {
                draft.set("redirect_uris", vec![uri]);
                grants.extend([GrantType::AuthorizationCode, GrantType::RefreshToken]);
            }
            false => notes.stays(format!(
                "codes: its redirect URI `{uri}` is not https, http on loopback, or a scheme with \
                 a dot"
            )),
        }
    }
    if is_trusted {
        draft.set("trusted", true);
        match dialect.is_none_or(|dialect| dialect.has_client_authenticated_user) {
            true => grants.push(GrantType::ClientAuthenticatedUser),
            false => notes
                .stays("the grant `client_authenticated_user`: the dialect light-oauth2 has it"),
        }
        notes.stays(
            "the password grant, which is not served: docs/migrate.md has what clients use instead",
        );
    }
    if grants.is_empty() {
        return Err(Stop::LeftOut(
            "it is public and has no redirect URI that can be kept, so it has no grant here"
                .to_owned(),
        ));
    }
    let names = grants.iter().map(|grant| grant.name());
    draft.set("grant_types", names.collect::<Vec<_>>());
    // 3. Its secret, which the table has hashed.
    if is_public {
        draft.set("token_endpoint_auth_method", AuthMethod::None.name());
        notes.different(
            "it is public: it sends no secret, and PKCE with S256 (RFC 7636) is required",
        );
    } else {
        let secret = client.text("client_secret")?;
        draft.secret = match secret.as_deref().is_some_and(is_hash) {
            true => Secret::Missing,
            false => Secret::of(secret),
        };
    }
    // 4. What its tokens say.
    if let Some(claims) = client.get("custom_claim") {
        let claims = match claims {
            Value::String(text) if text.trim().is_empty() => Value::Object(Map::new()),
            Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
            value => value.clone(),
        };
        match claims {
            Value::Object(claims) if claims.is_empty() => (),
            Value::Object(claims) => draft.set("claims", claims),
            _ => return Err(Stop::Wrong("`custom_claim` must be an object".to_owned())),
        }
    }
    Ok(draft)
}

/// A member's name as a column's: `deRefClientId` is `deref_client_id`.
fn snake(name: &str) -> String {
    let name = name.replace("deRef", "deref");
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The database's rows and the service's JSON, for each type of client.
    #[test]
    fn rows_and_json_give_the_same_clients() {
        let hash = format!("1000:{}:{}", "5b".repeat(16), "94".repeat(32));
        for (kind, grants, method) in [
            (
                "public",
                vec!["authorization_code", "refresh_token"],
                Some("none"),
            ),
            (
                "confidential",
                vec!["client_credentials", "authorization_code", "refresh_token"],
                None,
            ),
            (
                "trusted",
                vec![
                    "client_credentials",
                    "authorization_code",
                    "refresh_token",
                    "client_authenticated_user",
                ],
                None,
            ),
        ] {
            let row = json!({
                "client_id": "f7d42348", "client_secret": hash, "client_type": kind,
                "client_profile": "mobile", "client_name": "PetStore", "client_desc": "d",
                "scope": "petstore.r  petstore.w", "custom_claim": "{\"c1\":\"361\"}",
                "redirect_uri": "http://localhost:8080/authorization", "owner_id": "admin",
            });
            let member = json!({
                "clientId": "f7d42348", "clientSecret": hash, "clientType": kind,
                "clientProfile": "mobile", "clientName": "PetStore", "clientDesc": "d",
                "scope": "petstore.r petstore.w", "customClaim": {"c1": "361"},
                "redirectUri": "http://localhost:8080/authorization", "ownerId": "admin",
                "authenticateClass": null, "deRefClientId": null,
            });
            let [row, member] = [row, member].map(|value| {
                let Value::Object(members) = value else {
                    panic!()
                };
                let Ok(draft) = draft(members, None, &mut Notes::default()) else {
                    panic!()
                };
                assert!(matches!(draft.secret, Secret::Missing));
                draft.members
            });
            assert_eq!(row, member);
            assert_eq!(row["grant_types"], json!(grants));
            assert_eq!(
                row.get("token_endpoint_auth_method")
                    .and_then(Value::as_str),
                method
            );
            assert_eq!(row["claims"], json!({"c1": "361"}));
            assert_eq!(row.get("trusted").is_some(), kind == "trusted");
        }
    }

    #[test]
    fn what_restricts_a_client_leaves_it_out() {
        for (member, value) in [
            ("authenticate_class", "com.example.Auth"),
            ("client_type", "public"),
        ] {
            let entry = json!({"client_id": "x", "client_name": "x", member: value});
            let Value::Object(entry) = entry else {
                panic!()
            };
            assert!(
                matches!(
                    draft(entry, None, &mut Notes::default()),
                    Err(Stop::LeftOut(_))
                ),
                "{member}"
            );
        }
    }
}
