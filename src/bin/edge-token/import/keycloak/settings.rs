//! What a realm of Keycloak says of all its clients: lines for wrangler.toml.

use super::super::value::Members;
use super::super::{Destination, Found, Notes, Outcome};

/// A line for the realm in wrangler.toml.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Setting {
    /// The line, `member = value`.
    pub(crate) line: String,
    /// Where it is from.
    pub(crate) why: String,
}

/// How long refresh tokens live: the member here, and those there of which the shortest counts.
/// Those that are 0 do not limit.
const LIFETIMES: [(&str, [&str; 2]); 4] = [
    (
        "refresh_token_idle_ttl",
        ["ssoSessionIdleTimeout", "clientSessionIdleTimeout"],
    ),
    (
        "refresh_token_ttl",
        ["ssoSessionMaxLifespan", "clientSessionMaxLifespan"],
    ),
    (
        "offline_token_idle_ttl",
        [
            "offlineSessionIdleTimeout",
            "clientOfflineSessionIdleTimeout",
        ],
    ),
    (
        "offline_token_ttl",
        [
            "offlineSessionMaxLifespan",
            "clientOfflineSessionMaxLifespan",
        ],
    ),
];

/// Adds what the realm is to have, for the clients that are taken.
pub(super) fn collect(
    realm: Members<'_>,
    found: &[Found],
    into: &Destination<'_>,
    settings: &mut Vec<Setting>,
    notes: &mut Notes,
) {
    let mut add = |line: String, why: &str| {
        if !settings.iter().any(|known| known.line == line) {
            settings.push(Setting {
                line,
                why: why.to_owned(),
            });
        }
    };
    let taken = found.iter().filter_map(|found| match &found.outcome {
        Outcome::Client(draft) => Some(&**draft),
        _ => None,
    });
    let taken = taken.collect::<Vec<_>>();
    let texts = |member: &str| {
        let lists = taken
            .iter()
            .filter_map(|draft| draft.members.get(member)?.as_array());
        let texts = lists.flatten().filter_map(|text| text.as_str());
        texts.map(str::to_owned).collect::<Vec<_>>()
    };
    let grants = texts("grant_types");
    let has = |grant: &str| grants.iter().any(|known| known == grant);
    if has("refresh_token") {
        for (member, names) in LIFETIMES {
            let mut shortest = None::<(i64, &str)>;
            for name in names {
                let is_off = name == "offlineSessionMaxLifespan"
                    && !realm
                        .flag("offlineSessionMaxLifespanEnabled", false)
                        .unwrap_or(true);
                match realm.number(name) {
                    Err(why) => notes.task(format!("the realm's {why}: set `{member}` yourself")),
                    Ok(Some(number)) if number > 0 && !is_off => {
                        if shortest.is_none_or(|(known, _)| number < known) {
                            shortest = Some((number, name));
                        }
                    }
                    Ok(_) => (),
                }
            }
            if let Some((seconds, name)) = shortest {
                add(format!("{member} = {seconds}"), name);
            }
        }
        notes.different(
            "refresh tokens are opaque here, rotate with each use, and none comes along: people \
             sign in once more",
        );
    }
    if has("authorization_code") {
        if !into.has_login {
            add(
                "login_url = \"https://…\"".to_owned(),
                "where people sign in: docs/people.md",
            );
            add(
                "login_clients = [\"…\"]".to_owned(),
                "the login application's client",
            );
        }
        notes.different(
            "what is known of a person comes from the login application: access tokens have the \
             claims of the dialect, ID tokens and userinfo those of the scopes",
        );
    }
    let mut origins = taken
        .iter()
        .flat_map(|draft| &draft.origins)
        .cloned()
        .collect::<Vec<_>>();
    origins.sort_unstable();
    origins.dedup();
    if !origins.is_empty() {
        let list = origins.iter().map(|origin| format!("{origin:?}"));
        let list = list.collect::<Vec<_>>().join(", ");
        add(
            format!("allowed_origins = [{list}]"),
            "webOrigins of the clients, for all of them",
        );
    }
    let methods = taken
        .iter()
        .filter_map(|draft| draft.members.get("token_endpoint_auth_method"));
    if methods
        .into_iter()
        .any(|method| method == "private_key_jwt")
    {
        add(
            "assertion_audience_may_be_token_endpoint = true".to_owned(),
            "assertions may name the token endpoint, as there",
        );
    }
    if let Ok(Some(before)) = realm.number("notBefore")
        && before > 0
    {
        notes.task(format!(
            "the realm's tokens from before {before} are void there: `edge-token revoke realm \
             --realm {} --before {before}` voids those of here",
            into.realm
        ));
    }
}
