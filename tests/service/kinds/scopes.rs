//! What a client asks for and what it gets: scopes that a dialect adds, and scopes that tokens do not
//! show. Keycloak adds the default scopes to whatever is asked for, and takes the name of each client
//! scope that the client lists, be it in tokens or not.

use super::super::people::{Asked, CALLBACK, People, encoded};
use super::super::trusted_issuers::{
    ACCESS_TOKEN, EXCHANGE, JWT_BEARER, PARTNER, PARTNER_KEY, by, issuers, subject,
};
use super::super::*;

fn set(text: &str) -> ScopeSet {
    ScopeSet::parse(text).unwrap()
}

/// What a line says was granted.
fn granted(answer: &Answer) -> String {
    assert_eq!(answer.status(), 200, "{}", answer.reason());
    answer.log()["scope"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn invalid_scope() -> (u16, String) {
    (400, "invalid_scope".into())
}

/// A dialect, the scopes of the realm, the record's default and hidden scope, what is asked for and
/// what that gets, if anything.
type Row = (
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
    &'static str,
    Option<&'static str>,
    Option<&'static str>,
);

const DEFAULT: Option<&str> = Some("profile email");
const BOTH: &str = "lakehouse web-origins";

#[test]
fn a_client_gets_what_it_asks_for_and_what_its_dialect_adds() {
    let all: &[Row] = &[
        // The default scope is added, in its own order, after what is asked for.
        (
            "keycloak",
            None,
            DEFAULT,
            "",
            Some("openid"),
            Some("openid profile email"),
        ),
        (
            "keycloak",
            None,
            DEFAULT,
            "",
            Some("phone"),
            Some("phone profile email"),
        ),
        (
            "keycloak",
            None,
            DEFAULT,
            "",
            Some("email openid"),
            Some("email openid profile"),
        ),
        (
            "keycloak",
            None,
            DEFAULT,
            "",
            Some("profile"),
            Some("profile email"),
        ),
        (
            "keycloak",
            None,
            DEFAULT,
            "",
            Some("phone email profile openid"),
            Some("phone email profile openid"),
        ),
        ("keycloak", None, DEFAULT, "", None, Some("profile email")),
        (
            "keycloak",
            None,
            Some(""),
            "",
            Some("openid"),
            Some("openid"),
        ),
        ("keycloak", None, Some(""), "", None, Some("")),
        // Without one in the record there is nothing to add.
        ("keycloak", None, None, "", Some("openid"), Some("openid")),
        (
            "keycloak",
            None,
            None,
            "",
            None,
            Some("openid profile email phone"),
        ),
        // What tokens do not show may be asked for, with others and alone.
        (
            "keycloak",
            None,
            DEFAULT,
            BOTH,
            Some("lakehouse"),
            Some("profile email"),
        ),
        (
            "keycloak",
            None,
            DEFAULT,
            BOTH,
            Some("web-origins lakehouse openid"),
            Some("openid profile email"),
        ),
        (
            "keycloak",
            None,
            None,
            BOTH,
            Some("lakehouse phone"),
            Some("phone"),
        ),
        ("keycloak", None, None, BOTH, Some("lakehouse"), Some("")),
        (
            "rfc9068",
            None,
            DEFAULT,
            BOTH,
            Some("lakehouse openid"),
            Some("openid"),
        ),
        ("rfc9068", None, DEFAULT, BOTH, Some("lakehouse"), Some("")),
        (
            "screening-eagle",
            None,
            DEFAULT,
            BOTH,
            Some("lakehouse openid"),
            Some("openid"),
        ),
        (
            "light-oauth2",
            None,
            DEFAULT,
            BOTH,
            Some("openid lakehouse"),
            Some("openid"),
        ),
        // What is not asked for is not hidden either.
        (
            "keycloak",
            None,
            None,
            BOTH,
            None,
            Some("openid profile email phone"),
        ),
        // Other dialects add nothing.
        ("rfc9068", None, DEFAULT, "", Some("openid"), Some("openid")),
        (
            "screening-eagle",
            None,
            DEFAULT,
            "",
            Some("openid"),
            Some("openid"),
        ),
        (
            "light-oauth2",
            None,
            DEFAULT,
            "",
            Some("openid"),
            Some("openid"),
        ),
        ("rfc9068", None, DEFAULT, "", None, Some("profile email")),
        // What the record does not have cannot be asked for, whatever is beside it.
        ("keycloak", None, DEFAULT, BOTH, Some("unknown"), None),
        (
            "keycloak",
            None,
            DEFAULT,
            BOTH,
            Some("openid unknown"),
            None,
        ),
        (
            "keycloak",
            None,
            DEFAULT,
            BOTH,
            Some("lakehouse unknown"),
            None,
        ),
        ("keycloak", None, DEFAULT, "", Some("lakehouse"), None),
        ("keycloak", None, DEFAULT, BOTH, Some("Lakehouse"), None),
        ("rfc9068", None, DEFAULT, BOTH, Some("lakehouses"), None),
        // The realm's scopes are the limit: of what is added, and of what is hidden.
        (
            "keycloak",
            Some("openid profile lakehouse"),
            DEFAULT,
            BOTH,
            Some("openid"),
            Some("openid profile"),
        ),
        (
            "keycloak",
            Some("openid profile lakehouse"),
            DEFAULT,
            BOTH,
            Some("lakehouse"),
            Some("profile"),
        ),
        (
            "keycloak",
            Some("openid profile lakehouse"),
            DEFAULT,
            BOTH,
            Some("web-origins"),
            None,
        ),
        (
            "keycloak",
            Some("openid profile lakehouse"),
            DEFAULT,
            BOTH,
            Some("email"),
            None,
        ),
        (
            "rfc9068",
            Some("openid"),
            DEFAULT,
            BOTH,
            Some("openid lakehouse"),
            None,
        ),
    ];
    for &(dialect, scopes, default, hidden, asked, expected) in all {
        let mut realm = json!({ "issuer": ISSUER, "dialect": dialect });
        if let Some(scopes) = scopes {
            realm["scopes"] = scopes.into();
        }
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        fixture.register("app", |client| {
            client.scope = set("openid profile email phone");
            client.default_scope = default.map(set);
            client.hidden_scope = set(hidden);
        });
        let path = match dialect {
            "keycloak" => "/realms/default/protocol/openid-connect/token",
            "screening-eagle" => "/api/id/v1/auth/token",
            "light-oauth2" => "/oauth2/token",
            _ => "/token",
        };
        let asked = asked.map(|asked| format!("&scope={}", encoded(asked)));
        let form = format!("grant_type=client_credentials{}", asked.unwrap_or_default());
        let answer = fixture.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post(path, &form)
        });
        let what = format!("{dialect} {scopes:?} {default:?} {hidden} {form}");
        match expected {
            None => assert_eq!(answer.error().1, "invalid_scope", "{what}"),
            Some(expected) => {
                assert_eq!(granted(&answer), expected, "{what}");
                // Nor is a hidden one told elsewhere.
                let sent = format!("{} {}", answer.response.body, answer.claims());
                assert!(!sent.contains("lakehouse"), "{what}: {sent}");
            }
        }
    }
}

fn keycloak(path: &str) -> String {
    let path = match path {
        "/par" => "/ext/par/request".to_owned(),
        path => path.replacen("/authorize", "/auth", 1),
    };
    format!("/realms/default/protocol/openid-connect{path}")
}

/// A realm that talks like Keycloak, with people.
fn people() -> People {
    let mut people = People::with(json!({ "dialect": "keycloak", "trusted_issuers": issuers() }));
    people.place = keycloak;
    people.register("app", |client| {
        client.scope = set("openid profile email phone");
        client.default_scope = Some(set("profile email"));
        client.hidden_scope = set(BOTH);
    });
    people
}

#[test]
fn people_are_asked_for_the_default_scope_too_and_for_no_hidden_one() {
    let people = people();
    for (asked, expected) in [
        ("openid", "openid profile email"),
        ("openid+lakehouse", "openid profile email"),
        ("web-origins", "profile email"),
        ("phone+openid", "phone openid profile email"),
    ] {
        let ticket = people.ask("app", &format!("&scope={asked}"));
        let shown = people.login("/authorize/ticket", &json!({ "ticket": ticket.ticket }));
        assert_eq!(shown.json()["scope"], expected, "{asked}");
        let code = people.code("app", &format!("&scope={asked}"), json!({}));
        assert_eq!(granted(&people.redeem(&code, "")), expected, "{asked}");
        // The same for one that is pushed beforehand.
        let uri = encoded(CALLBACK);
        let form = format!("response_type=code&redirect_uri={uri}&scope={asked}");
        let pushed = people.send(&Request {
            authorization: Some(&basic("app", SECRET)),
            ..post("/par", &form)
        });
        assert_eq!(pushed.status(), 201, "{asked}: {}", pushed.reason());
        let uri = encoded(&pushed.text("request_uri"));
        let query = format!("client_id=app&request_uri={uri}");
        let ticket = Asked::read(&people.authorize(&query));
        let shown = people.login("/authorize/ticket", &json!({ "ticket": ticket.ticket }));
        assert_eq!(shown.json()["scope"], expected, "{asked}");
    }
    let refused = people.ask_error("&scope=openid+unknown");
    assert_eq!(refused.as_deref(), Some("invalid_scope"));
}

impl People {
    /// What the client is told of a request that is refused.
    fn ask_error(&self, more: &str) -> Option<String> {
        let uri = encoded(CALLBACK);
        let query = format!("response_type=code&client_id=app&redirect_uri={uri}{more}");
        self.authorize(&query).location("error")
    }
}

#[test]
fn a_refresh_may_repeat_what_was_asked_for_at_first() {
    let people = people();
    for (accepted, asked, expected) in [
        (None, None, Some("openid phone profile email")),
        (None, Some("openid"), Some("openid profile email")),
        (None, Some("openid+lakehouse"), Some("openid profile email")),
        (None, Some("lakehouse"), Some("profile email")),
        (
            None,
            Some("phone+email+openid"),
            Some("phone email openid profile"),
        ),
        (None, Some("unknown"), None),
        (None, Some("openid+unknown+lakehouse"), None),
        // The person agreed to less: no more is given, but a client that repeats what it gets without
        // asking is not refused.
        (Some("openid"), None, Some("openid")),
        (Some("openid"), Some("openid"), Some("openid")),
        (Some("openid"), Some("openid+profile+email"), Some("openid")),
        (Some("openid"), Some("openid+phone"), None),
        (Some("openid email"), Some("lakehouse"), Some("email")),
    ] {
        let accept = accepted.map_or(json!({}), |scope| json!({ "scope": scope }));
        let code = people.code("app", "&scope=openid+phone+lakehouse", accept);
        let tokens = people.redeem(&code, "");
        let refresh = tokens.text("refresh_token");
        let more = asked
            .map(|asked| format!("&scope={asked}"))
            .unwrap_or_default();
        let answer = people.refresh(&refresh, &more);
        match expected {
            Some(expected) => assert_eq!(granted(&answer), expected, "{accepted:?} {asked:?}"),
            None => assert_eq!(answer.error(), invalid_scope(), "{accepted:?} {asked:?}"),
        }
        // What is refused uses nothing up.
        if expected.is_none() {
            assert_eq!(people.refresh(&refresh, "").status(), 200);
        }
    }
}

#[test]
fn elsewhere_a_refresh_asks_within_what_was_granted() {
    let people = People::new();
    people.register("app", |client| {
        client.default_scope = Some(set("profile"));
        client.hidden_scope = set("lakehouse");
    });
    for (asked, expected) in [
        ("openid", Some("openid")),
        ("openid+lakehouse", Some("openid")),
        ("openid+profile", None),
    ] {
        let code = people.code("app", "&scope=openid+lakehouse", json!({}));
        let refresh = people.redeem(&code, "").text("refresh_token");
        let answer = people.refresh(&refresh, &format!("&scope={asked}"));
        match expected {
            Some(expected) => assert_eq!(granted(&answer), expected, "{asked}"),
            None => assert_eq!(answer.error(), invalid_scope(), "{asked}"),
        }
    }
}

/// A default scope with `offline_access` gives a refresh token for whatever is asked for.
#[test]
fn offline_access_is_added_like_any_other() {
    let people = people();
    people.register("app", |client| {
        client.grant_types = vec!["client_credentials".into(), "refresh_token".into()];
        client.scope = set("openid offline_access");
        client.default_scope = Some(set("offline_access"));
    });
    let form = "grant_type=client_credentials&scope=openid";
    let answer = people.token("app", form);
    assert_eq!(granted(&answer), "openid offline_access");
    let refresh = answer.text("refresh_token");
    assert_eq!(
        granted(&people.refresh(&refresh, "&scope=openid")),
        "openid offline_access"
    );
}

#[test]
fn an_exchanged_token_gets_what_is_added_within_what_the_subjects_had() {
    let people = people();
    people.register("app", |client| {
        client.grant_types = vec![EXCHANGE.into()];
        client.scope = set("read write admin");
        client.default_scope = Some(set("write admin"));
        client.hidden_scope = set("lakehouse");
        client.audience = vec!["urn:api".into()];
        client.resources = vec!["urn:api".into()];
    });
    people.register("front", |client| {
        client.grant_types = vec!["client_credentials".into()];
        client.scope = set("read write");
        client.audience = vec!["urn:api".into()];
    });
    let front = people.token("front", "grant_type=client_credentials");
    let subject = subject(&front.text("access_token"), ACCESS_TOKEN);
    for (asked, expected) in [
        ("", Some("read write")),
        ("&scope=read", Some("read write")),
        ("&scope=read+lakehouse", Some("read write")),
        ("&scope=lakehouse", Some("write")),
        // What the subject's token has not is an excess, whoever would have added it.
        ("&scope=admin", None),
        ("&scope=read+admin", None),
        ("&scope=unknown", None),
    ] {
        let answer = people.token("app", &format!("grant_type={EXCHANGE}{subject}{asked}"));
        match expected {
            Some(expected) => assert_eq!(granted(&answer), expected, "{asked}"),
            None => assert_eq!(answer.error(), invalid_scope(), "{asked}"),
        }
    }
}

/// What is added is no excess over what the issuer may give: it is only not given.
#[test]
fn an_assertion_gets_what_is_added_within_what_its_issuer_may_give() {
    let people = people();
    people.register("app", |client| {
        client.grant_types = vec![JWT_BEARER.into()];
        client.trusted_issuers = vec!["idp".into(), "partner".into()];
        client.scope = set("read write");
        client.default_scope = Some(set("write"));
        client.hidden_scope = set("lakehouse");
    });
    // `partner` may give `read` alone.
    for (at, (asked, expected)) in [
        ("&scope=read", Some("read")),
        ("&scope=read+lakehouse", Some("read")),
        ("&scope=lakehouse", Some("")),
        ("", Some("")),
        ("&scope=write", None),
        ("&scope=read+write", None),
        ("&scope=unknown", None),
    ]
    .into_iter()
    .enumerate()
    {
        let assertion = by(PARTNER, PARTNER_KEY)
            .claim("jti", format!("s{at}"))
            .text();
        let form = format!("grant_type={JWT_BEARER}&assertion={assertion}{asked}");
        let answer = people.token("app", &form);
        match expected {
            Some(expected) => assert_eq!(granted(&answer), expected, "{asked}"),
            None => assert_eq!(answer.error(), invalid_scope(), "{asked}"),
        }
    }
}

#[test]
fn a_trusted_user_has_no_hidden_scope_either() {
    let realm = json!({ "issuer": ISSUER, "dialect": "light-oauth2" });
    let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
    fixture.register("app", |client| {
        client.grant_types = vec!["client_authenticated_user".into()];
        client.trusted = true;
        client.hidden_scope = set("lakehouse");
    });
    let form = "grant_type=client_authenticated_user&userId=1&userType=x&scope=read+lakehouse";
    let answer = fixture.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/oauth2/token", form)
    });
    assert_eq!(granted(&answer), "read");
}

/// A scope that tokens would both show and hide is a mistake, and nothing is guessed.
#[test]
fn a_record_shows_a_scope_or_hides_it() {
    let fixture = Fixture::new();
    for (hidden, status) in [("read", 503), ("x read", 503), ("x", 200), ("", 200)] {
        fixture.register("app", |client| client.hidden_scope = set(hidden));
        assert_eq!(fixture.token("").status(), status, "{hidden:?}");
    }
}
