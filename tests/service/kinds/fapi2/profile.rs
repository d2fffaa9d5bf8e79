//! FAPI 2.0 Security Profile §5.3.2: pushed requests, PKCE and bound tokens, each by itself for a realm
//! and for a client, and all of them by `profile`.

use super::*;
use crate::certificates::{GOOD, THUMBPRINT};
use crate::trusted_issuers::*;
use edge_token::time::Seconds;

/// Sends a good request of a client to the authorization endpoint, and tells the error that the client
/// gets, or none.
fn asked_directly(people: &People, id: &str, more: &str) -> Option<(String, String)> {
    let uri = encoded(CALLBACK);
    let query = format!("response_type=code&client_id={id}&redirect_uri={uri}&state=s1{more}");
    let answer = people.authorize(&query);
    assert_eq!(answer.status(), 303, "{}", answer.response.body);
    let error = answer.location("error")?;
    assert!(answer.header("location").unwrap().starts_with(CALLBACK));
    assert_eq!(answer.location("state").as_deref(), Some("s1"));
    assert_eq!(answer.location("iss").as_deref(), Some(ISSUER));
    Some((error, answer.location("error_description").unwrap()))
}

fn told(description: &str) -> Option<(String, String)> {
    Some(("invalid_request".into(), description.into()))
}

const MUST_PUSH: &str = "The client must push its authorization requests.";
const MUST_CHALLENGE: &str = "The client must send a code_challenge.";

#[test]
fn requests_must_be_pushed_where_the_realm_or_the_record_says_so() {
    let by_realm = People::with(json!({ "require_pushed_authorization_requests": true }));
    let by_profile = fapi2(json!({}));
    let by_record = People::new();
    by_record.register("app", |client| {
        client.require_pushed_authorization_requests = true
    });
    let free = People::new();
    let off = People::with(json!({ "require_pushed_authorization_requests": false }));
    for (people, expected) in [
        (&by_realm, told(MUST_PUSH)),
        (&by_profile, told(MUST_PUSH)),
        (&by_record, told(MUST_PUSH)),
        (&free, None),
        (&off, None),
    ] {
        assert_eq!(asked_directly(people, "app", PKCE), expected);
        // As a form too.
        let uri = encoded(CALLBACK);
        let form = format!("response_type=code&client_id=app&redirect_uri={uri}{PKCE}");
        let answer = people.send(&post("/authorize", &form));
        assert_eq!(answer.location("error").is_some(), expected.is_some());
        // And with a request object, which is none of ours.
        if expected.is_some() {
            assert_eq!(
                asked_directly(people, "app", &format!("{PKCE}&request=x")),
                expected
            );
        }
        // A pushed one is good everywhere.
        people.pushed_code("app", PKCE);
    }
    // The record is of one client alone.
    assert_eq!(asked_directly(&by_record, "spa", PKCE), None);
    assert_eq!(asked_directly(&by_realm, "spa", PKCE), told(MUST_PUSH));
}

#[test]
fn an_endpoint_that_takes_pushed_requests_alone_still_shows_a_page_in_doubt() {
    let people = fapi2(json!({}));
    for query in [
        "response_type=code&client_id=app&redirect_uri=https%3A%2F%2Fevil.example".to_owned(),
        format!("response_type=code&client_id=app{PKCE}"),
        "response_type=code&client_id=nobody".to_owned(),
        // Of nobody, another realm's, and of no request at all.
        "client_id=app&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3Ax".to_owned(),
    ] {
        let answer = people.authorize(&query);
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(answer.header("location"), None);
    }
}

#[test]
fn pkce_is_required_where_the_realm_or_the_record_says_so() {
    let by_realm = People::with(json!({ "require_pkce": true }));
    let by_record = People::new();
    by_record.register("app", |client| client.require_pkce = true);
    let free = People::new();
    for (people, expected) in [
        (&by_realm, told(MUST_CHALLENGE)),
        (&by_record, told(MUST_CHALLENGE)),
        (&free, None),
    ] {
        assert_eq!(asked_directly(people, "app", ""), expected);
        assert_eq!(asked_directly(people, "app", PKCE), None);
        assert_eq!(asked_directly(people, "spa", ""), told(MUST_CHALLENGE));
        let pushed = people.push("app", "");
        match &expected {
            Some((_, description)) => {
                assert_eq!(pushed.error(), invalid_request());
                assert_eq!(pushed.text("error_description"), *description);
            }
            None => assert_eq!(pushed.status(), 201),
        }
        assert_eq!(people.push("app", PKCE).status(), 201);
    }
    assert_eq!(
        fapi2(json!({})).push("app", "").text("error_description"),
        MUST_CHALLENGE
    );
    // By S256 alone.
    let plain = format!("&code_challenge={VERIFIER}&code_challenge_method=plain");
    assert_eq!(by_realm.push("app", &plain).error(), invalid_request());
}

#[test]
fn pushed_requests_name_their_redirect_uri_under_the_profile() {
    let people = fapi2(json!({}));
    let form = format!("response_type=code{PKCE}");
    let answer = people.prove("/par", "app", &form, None);
    assert_eq!(answer.error(), invalid_request());
    assert_eq!(
        answer.text("error_description"),
        "The redirect_uri is required."
    );
    let answer = People::new().prove("/par", "app", &form, None);
    assert_eq!(answer.status(), 201);
}

/// A realm that has every grant, and clients that may use them.
fn with_all_grants(more: Value) -> People {
    let mut more = more;
    more["dialect"] = json!("light-oauth2");
    let mut trusted = trusting(json!({}));
    more["trusted_issuers"] = trusted["trusted_issuers"].take();
    let mut people = People::with(more);
    people.place = |path| match path {
        "/token" => "/oauth2/token".to_owned(),
        "/authorize" => "/oauth2/code".to_owned(),
        path => match path.strip_prefix("/authorize") {
            Some(under) => format!("/oauth2/code{under}"),
            None => format!("/realms/default{path}"),
        },
    };
    people.register("machine", all_grants);
    people
}

fn all_grants(client: &mut Client) {
    may_present(client);
    client.grant_types = edge_token::grant_type::GrantType::ALL
        .map(|grant| grant.name().to_owned())
        .to_vec();
    client.trusted = true;
    client.scope = ScopeSet::parse("openid read offline_access").unwrap();
}

impl People {
    /// A proof for the token endpoint of `light-oauth2`.
    fn prove_token(&self, id: &str, form: &str, key: Option<u8>) -> Answer {
        let nonce = self.send(&Request {
            dpop: Some("x"),
            ..post("/token", "")
        });
        let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
        let proof = key.map(|octet| {
            Signed::proof("https://auth.example/oauth2/token", &nonce)
                .claim("jti", format!("p{}", self.draws.get()))
                .with_jwk(public_jwk(octet))
                .signed_by(octet)
                .text()
        });
        let authorization = basic(id, SECRET);
        self.send(&Request {
            authorization: Some(&authorization),
            dpop: proof.as_deref(),
            ..post("/token", form)
        })
    }
}

#[test]
fn no_grant_gives_a_bearer_token_where_tokens_must_be_bound() {
    let by_record = with_all_grants(json!({}));
    by_record.register("machine", |client| {
        all_grants(client);
        client.require_bound_tokens = true;
    });
    for people in [
        with_all_grants(json!({ "require_bound_tokens": true })),
        by_record,
    ] {
        let uri = encoded(CALLBACK);
        let code = people.code("machine", "&scope=openid+offline_access", json!({}));
        let redeem = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
        let tokens = people.prove_token("machine", &redeem, None);
        assert_eq!(tokens.error(), (400, "invalid_dpop_proof".into()));
        // Nothing was used up.
        let tokens = people.prove_token("machine", &redeem, Some(CLIENT_KEY));
        assert_eq!(tokens.text("token_type"), "DPoP", "{}", tokens.reason());
        let refresh = format!(
            "grant_type=refresh_token&refresh_token={}",
            tokens.text("refresh_token")
        );
        let own = Signed::access_token("machine").without("sub");
        let own = own.header("typ", Value::Null).without("typ");
        let exchange = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:token-exchange{}",
            subject(&own.claim("scope", json!(["read"])).text(), ACCESS_TOKEN)
        );
        let bear = format!(
            "grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer&assertion={}",
            by_idp().text()
        );
        for form in [
            "grant_type=client_credentials",
            &refresh,
            "grant_type=client_authenticated_user&userId=ann&userType=admin",
            &exchange,
            &bear,
        ] {
            let without = people.prove_token("machine", form, None);
            assert_eq!(
                without.error(),
                (400, "invalid_dpop_proof".into()),
                "{form}"
            );
            let bound = people.prove_token("machine", form, Some(CLIENT_KEY));
            assert_eq!(bound.status(), 200, "{form}: {}", bound.reason());
            assert_eq!(bound.text("token_type"), "DPoP");
            let claims = bound.claims();
            assert_eq!(claims["cnf"], json!({ "jkt": kid(CLIENT_KEY) }), "{form}");
            // Introspection tells it.
            let token = bound.text("access_token");
            let told = people.send(&Request {
                authorization: Some(&basic("machine", SECRET)),
                ..post("/introspect", &format!("token={token}"))
            });
            assert_eq!(told.json()["cnf"], claims["cnf"], "{form}");
        }
    }
}

#[test]
fn a_certificate_binds_as_well_as_a_key() {
    let people = People::with(json!({ "require_bound_tokens": true }));
    let machine = |client: &mut Client| client.grant_types = vec!["client_credentials".into()];
    people.register("plain", machine);
    people.register("tls", |client| {
        machine(client);
        client.tls_client_certificate_bound_access_tokens = true;
    });
    let send = |id: &str, certificate: Option<ClientCertificate<'_>>| {
        people.send(&Request {
            authorization: Some(&basic(id, SECRET)),
            connection: connection(&certificate),
            ..post("/token", "grant_type=client_credentials&scope=read")
        })
    };
    let unverified = ClientCertificate {
        verified: "FAILED",
        ..GOOD
    };
    for (id, error) in [("plain", "invalid_dpop_proof"), ("tls", "invalid_request")] {
        let bound = send(id, Some(GOOD));
        assert_eq!(
            bound.claims()["cnf"],
            json!({ "x5t#S256": THUMBPRINT }),
            "{id}"
        );
        assert_eq!(send(id, None).error(), (400, error.into()), "{id}");
        assert_eq!(
            send(id, Some(unverified)).error(),
            (400, error.into()),
            "{id}"
        );
    }
    // Who brings a proof needs none, and is not bound to one that happens to be there.
    let bound = people.prove(
        "/token",
        "plain",
        "grant_type=client_credentials",
        Some(CLIENT_KEY),
    );
    assert_eq!(bound.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
    // Elsewhere a certificate binds nothing unless the record says so.
    let free = People::new();
    free.register("plain", machine);
    let answer = free.send(&Request {
        authorization: Some(&basic("plain", SECRET)),
        connection: connection(&Some(GOOD)),
        ..post("/token", "grant_type=client_credentials&scope=read")
    });
    assert_eq!(answer.claims().get("cnf"), None);
}

/// Whether a refresh token that was used `seconds` ago still gives its successor, and introspection
/// says so.
fn can_be_tried_again(people: &mut People, seconds: u32) -> bool {
    people.register("rs", |client| client.grant_types.clear());
    let code = people.pushed_code("app", &format!("&scope=openid{PKCE}"));
    let uri = encoded(CALLBACK);
    let redeem = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
    );
    let tokens = people.prove("/token", "app", &redeem, Some(CLIENT_KEY));
    let first = tokens.text("refresh_token");
    let form = format!("grant_type=refresh_token&refresh_token={first}");
    let second = people.prove("/token", "app", &form, Some(CLIENT_KEY));
    let second = second.text("refresh_token");
    people.later(seconds);
    let ask = |id: &str, token: &str| {
        let answer = people.prove("/introspect", id, &format!("token={token}"), None);
        answer.json()["active"] == true
    };
    assert!(ask("app", &second));
    let told = ask("app", &first);
    assert_eq!(ask("rs", &first), told);
    let again = people.prove("/token", "app", &form, Some(CLIENT_KEY));
    let is_good = again.status() == 200;
    match is_good {
        true => assert_eq!(again.text("refresh_token"), second),
        false => assert_eq!(again.error(), invalid_grant()),
    }
    assert_eq!(told, is_good);
    is_good
}

#[test]
fn a_used_refresh_token_can_be_tried_again_as_long_as_the_client_or_the_realm_says() {
    let all = json!({ "introspection_clients": ["rs"] });
    let with = |member: &str, value: Value| {
        let mut more = all.clone();
        more[member] = value;
        more
    };
    for (more, own, last) in [
        (all.clone(), None, Some(9)),
        (with("profile", json!("fapi2")), None, Some(59)),
        (with("refresh_token_grace", json!(30)), None, Some(29)),
        (all.clone(), Some(45), Some(44)),
        (with("refresh_token_grace", json!(30)), Some(0), None),
        (with("profile", json!("fapi2")), Some(300), Some(299)),
    ] {
        let realm = || {
            let people = People::with(more.clone());
            people.register("app", |client| {
                client.refresh_token_grace = own.map(Seconds)
            });
            people
        };
        if let Some(last) = last {
            assert!(can_be_tried_again(&mut realm(), last), "{more} {own:?}");
        }
        let too_late = last.map_or(0, |last| last + 1);
        assert!(
            !can_be_tried_again(&mut realm(), too_late),
            "{more} {own:?}"
        );
    }
    // The explicit member stands beside the profile.
    let mut more = with("profile", json!("fapi2"));
    more["refresh_token_grace"] = json!(0);
    assert!(!can_be_tried_again(&mut People::with(more), 0));
}

#[test]
fn what_contradicts_the_profile_is_a_configuration_error_that_names_it() {
    let with = |more: Value| {
        let mut realm = json!({ "issuer": ISSUER });
        for (member, value) in more.as_object().unwrap() {
            realm[member] = value.clone();
        }
        let fixture = Fixture::configured(json!({ "default": realm }), &secrets());
        fixture.register("app", |_| ());
        fixture.token("")
    };
    for member in [
        "require_pushed_authorization_requests",
        "require_pkce",
        "require_bound_tokens",
    ] {
        let answer = with(json!({ "profile": "fapi2", member: false }));
        assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
        assert!(
            answer
                .reason()
                .contains(&format!("member `{member}` contradicts `profile`")),
            "{}",
            answer.reason()
        );
        assert_eq!(with(json!({ member: false })).status(), 200);
        let same = with(json!({ "profile": "fapi2", member: true }));
        assert_eq!(same.error(), (400, "invalid_dpop_proof".into()));
        let answer = with(json!({ member: "yes" }));
        assert!(answer.reason().contains(member), "{}", answer.reason());
    }
    for (more, reason) in [
        (
            json!({ "profile": "fapi2", "assertion_audience_may_be_token_endpoint": true }),
            "member `assertion_audience_may_be_token_endpoint` contradicts `profile`",
        ),
        (
            json!({ "profile": "fapi1" }),
            "member `profile` must be `fapi2`",
        ),
        (
            json!({ "profile": true }),
            "member `profile` must be `fapi2`",
        ),
        (
            json!({ "refresh_token_grace": 301 }),
            "member `refresh_token_grace` must be 0 to 300 seconds",
        ),
    ] {
        let answer = with(more);
        assert_eq!(answer.status(), 503);
        assert!(answer.reason().contains(reason), "{}", answer.reason());
    }
}

#[test]
fn a_record_says_what_it_requires_in_words_that_can_be_read() {
    let fixture = Fixture::new();
    for (member, value, is_good) in [
        ("refresh_token_grace", json!(0), true),
        ("refresh_token_grace", json!(300), true),
        ("refresh_token_grace", json!(301), false),
        ("refresh_token_grace", json!("10"), false),
        ("require_pkce", json!(true), true),
        ("require_pkce", json!("true"), false),
        ("require_bound_tokens", json!(1), false),
        ("require_pushed_authorization_requests", json!([]), false),
    ] {
        let id = ClientId::parse("app").unwrap();
        let mut record = serde_json::to_value(Client::new(id.clone(), fixture.now, "x".into()));
        record.as_mut().unwrap()[member] = value.clone();
        let read = Client::parse(&record.unwrap().to_string(), &id);
        assert_eq!(read.is_ok(), is_good, "{member} {value}");
        match read {
            Ok(read) => {
                let written = serde_json::to_value(&read).unwrap();
                assert_eq!(written[member], value);
            }
            Err(error) => assert!(error.to_string().contains(member), "{error}"),
        }
    }
    // What is not required is not written.
    let id = ClientId::parse("app").unwrap();
    let plain = serde_json::to_string(&Client::new(id, fixture.now, "x".into())).unwrap();
    assert!(!plain.contains("require_") && !plain.contains("grace"));
}

#[test]
fn metadata_tells_that_requests_must_be_pushed() {
    for (people, required) in [(People::new(), false), (fapi2(json!({})), true)] {
        let metadata = people.send(&Request {
            method: "GET",
            path: "/.well-known/openid-configuration",
            ..Request::default()
        });
        let metadata = metadata.json();
        assert_eq!(metadata["require_pushed_authorization_requests"], required);
        assert_eq!(
            metadata["authorization_response_iss_parameter_supported"],
            true
        );
        assert_eq!(
            metadata["code_challenge_methods_supported"],
            json!(["S256"])
        );
    }
}

#[test]
fn codes_live_a_minute_under_the_profile_in_every_dialect() {
    let mut people = with_all_grants(json!({ "profile": "fapi2" }));
    let pushed = {
        let form = format!(
            "response_type=code&redirect_uri={}&scope=openid{PKCE}",
            encoded(CALLBACK)
        );
        people.send(&Request {
            authorization: Some(&basic("machine", SECRET)),
            ..post("/par", &form)
        })
    };
    let asked = Asked::read(&people.visit("machine", &pushed, None));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    let code = people.resume(&asked).location("code").unwrap();
    let redeem = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={}&code_verifier={VERIFIER}",
        encoded(CALLBACK)
    );
    people.later(60);
    let late = people.prove_token("machine", &redeem, Some(CLIENT_KEY));
    assert_eq!(late.error(), invalid_grant());
    assert_eq!(late.reason(), "code, ticket or token has expired");
}

/// FAPI 2.0 Security Profile §5.3.2, from the first request to the last.
#[test]
fn a_client_of_the_profile_goes_the_whole_way() {
    let people = fapi2(json!({}));
    people.register("app", |client| by_assertion(client, jwks(&[CLIENT_KEY])));
    let assertion = |jti: &str| presented(&Signed::assertion("app").claim("jti", jti).text());
    let send = |path: &str, form: &str, jti: &str, key: Option<u8>| {
        let nonce = people.send(&Request {
            dpop: Some("x"),
            ..post("/token", "")
        });
        let nonce = nonce.header("dpop-nonce").unwrap().to_owned();
        let proof = key.map(|octet| {
            Signed::proof(&format!("{ISSUER}{path}"), &nonce)
                .claim("jti", format!("p-{jti}"))
                .with_jwk(public_jwk(octet))
                .signed_by(octet)
                .text()
        });
        people.send(&Request {
            dpop: proof.as_deref(),
            ..post(path, &format!("{form}{}", assertion(jti)))
        })
    };
    let uri = encoded(CALLBACK);
    let form = format!("response_type=code&redirect_uri={uri}&scope=openid{PKCE}");
    let pushed = send("/par", &form, "1", Some(CLIENT_KEY));
    assert_eq!(pushed.status(), 201, "{}", pushed.reason());
    assert_eq!(pushed.json()["expires_in"], 90);
    let asked = Asked::read(&people.visit("app", &pushed, None));
    assert_eq!(people.accept(&asked, json!({})).status(), 200);
    let resumed = people.resume(&asked);
    assert_eq!(resumed.location("iss").as_deref(), Some(ISSUER));
    let code = resumed.location("code").unwrap();
    let redeem = format!(
        "grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}"
    );
    let unbound = send("/token", &redeem, "2", None);
    assert_eq!(unbound.error(), (400, "invalid_dpop_proof".into()));
    // The code is for the key that the pushed request showed (RFC 9449 §10.1).
    let other = send("/token", &redeem, "3", Some(22));
    assert_eq!(other.error(), invalid_grant());
    let tokens = send("/token", &redeem, "4", Some(CLIENT_KEY));
    assert_eq!(tokens.text("token_type"), "DPoP", "{}", tokens.reason());
    assert_eq!(tokens.claims()["cnf"], json!({ "jkt": kid(CLIENT_KEY) }));
    let again = send("/token", &redeem, "5", Some(CLIENT_KEY));
    assert_eq!(again.error(), invalid_grant());
}
