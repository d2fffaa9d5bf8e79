//! RFC 8693's own examples.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

/// The authorization server of §2.3 and appendix A at a moment, with its client `rs08`.
fn at(now: u64, change: impl FnOnce(&mut Value), client: impl FnOnce(&mut Client)) -> Fixture {
    let mut jwk = public_jwk(16);
    jwk["kid"] = json!("16");
    let mut realm = json!({
        "issuer": "https://as.example.com", "paths": { "token": "/as/token.oauth2" },
        "trusted_issuers": { "original-issuer": {
            "issuer": "https://original-issuer.example.net", "jwks": { "keys": [jwk] },
            "subjects_are_the_realms_own": true,
        } },
    });
    change(&mut realm);
    let keys = jwk_set(&[&key(1, 0, 2_000_000_000)]);
    let realms = json!({ "default": realm });
    let mut fixture = Fixture::configured(realms, &HashMap::from([("SIGNING_KEYS", keys)]));
    fixture.now = UnixTime::from_seconds(now);
    fixture.register("rs08", |record| {
        record.grant_types = vec![EXCHANGE.into()];
        record.trusted_issuers = vec!["original-issuer".into()];
        record.secrets = vec![stored_secret("s1", "long-secure-random-secret")];
        client(record);
    });
    fixture
}

impl Fixture {
    /// A request to it, with the credentials of §2.3.
    fn rfc8693_example(&self, form: &str) -> Answer {
        let body =
            format!("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange{form}");
        let authorization = "Basic cnMwODpsb25nLXNlY3VyZS1yYW5kb20tc2VjcmV0";
        let request = Request {
            authorization: Some(authorization),
            ..post("/as/token.oauth2", &body)
        };
        self.send_with("as.example.com", &request, &|octets| {
            octets.fill(1);
            Ok(())
        })
    }
}

/// A token of the original issuer whose header and claims are those of the RFC, octet for octet, signed
/// by a key of ours.
fn by_original_issuer(header: &str, claims: &str) -> String {
    let decoded = URL_SAFE_NO_PAD.decode(claims).unwrap();
    let text = Signed::assertion("x")
        .header("kid", "16")
        .signed_by(16)
        .with_claims(decoded);
    let (signed, _) = text.rsplit_once('.').unwrap();
    assert_eq!(signed, format!("{header}.{claims}"));
    text
}

fn without(mut claims: Value, names: &[&str]) -> Value {
    for name in names {
        claims.as_object_mut().unwrap().remove(*name).expect(name);
    }
    claims
}

const HEADER: &str = "eyJhbGciOiJFUzI1NiIsImtpZCI6IjE2In0";
const TYPE_JWT: &str = "urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt";

/// What the RFC does not have and RFC 9068 wants.
const OF_RFC9068: &[&str] = &["jti", "iat", "client_id"];

#[test]
fn rfc8693_2_3_a_resource_server_exchanges_what_it_was_sent() {
    let now = 1_441_917_533;
    let fixture = at(
        now,
        |_| (),
        |client| {
            client.resources = vec!["https://frontend.example.com".into()];
            client.exchange_audience = vec!["https://backend.example.com/api".into()];
            client.scope = ScopeSet::parse("api").unwrap();
            client.access_token_ttl = Some(edge_token::time::Seconds(60));
            client.may_impersonate = true;
        },
    );
    fixture.register("frontend-client", |_| ());
    // The RFC's is opaque; ours says the same as a JWT.
    let sent = Signed::access_token("frontend-client")
        .claim("iss", "https://as.example.com")
        .claim("aud", "https://frontend.example.com")
        .claim("sub", "bdc@example.com")
        .claim("scope", "api")
        .claim("iat", now - 10)
        .claim("exp", now + 1000);
    let answer = fixture.rfc8693_example(&format!(
        "&resource=https%3A%2F%2Fbackend.example.com%2Fapi&subject_token={}\
         &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token",
        sent.text()
    ));
    let response = answer.json();
    assert_eq!(
        without(response.clone(), &["access_token", "scope"]),
        json!({
            "issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
            "token_type": "Bearer",
            "expires_in": 60,
        })
    );
    // The RFC's is for the host of the resource; ours for what was asked for.
    assert_eq!(
        without(answer.claims(), &["jti", "client_id"]),
        json!({
            "aud": "https://backend.example.com/api", "iss": "https://as.example.com",
            "exp": 1_441_917_593, "iat": 1_441_917_533, "sub": "bdc@example.com", "scope": "api",
            "exchanged_from": { "client_id": "frontend-client", "iat": 1_441_917_523 },
        })
    );
}

#[test]
fn rfc8693_a_1_a_client_that_may_impersonate() {
    let now = 1_441_910_010;
    let register = |client: &mut Client| {
        client.audience = vec!["urn:example:cooperation-context".into()];
        client.scope = ScopeSet::parse("orders profile history").unwrap();
        client.access_token_ttl = Some(edge_token::time::Seconds(3600));
        client.may_impersonate = true;
    };
    let fixture = at(now, |_| (), register);
    let claims = "eyJhdWQiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwiaXNzIjoiaHR0cHM6Ly9vcmlnaW5hbC1pc3N1ZXI\
                  uZXhhbXBsZS5uZXQiLCJleHAiOjE0NDE5MTA2MDAsIm5iZiI6MTQ0MTkwOTAwMCwic3ViIjoiYmRjQGV4YW1w\
                  bGUubmV0Iiwic2NvcGUiOiJvcmRlcnMgcHJvZmlsZSBoaXN0b3J5In0";
    let form = format!(
        "&audience=urn%3Aexample%3Acooperation-context&subject_token={}&subject_token_type={TYPE_JWT}",
        by_original_issuer(HEADER, claims)
    );
    let answer = fixture.rfc8693_example(&form);
    // Ours ends with the subject's token, not an hour later (`exp` 1441910600).
    assert_eq!(
        without(answer.claims(), OF_RFC9068),
        json!({
            "aud": "urn:example:cooperation-context", "iss": "https://as.example.com",
            "exp": 1_441_910_600, "sub": "bdc@example.net", "scope": "orders profile history",
        })
    );
    let response = answer.json();
    assert_eq!(
        response["issued_token_type"],
        "urn:ietf:params:oauth:token-type:access_token"
    );
    assert_eq!(
        (&response["token_type"], &response["expires_in"]),
        (&json!("Bearer"), &json!(590))
    );
    // Who may not is named.
    let fixture = at(
        now,
        |_| (),
        |client| {
            register(client);
            client.may_impersonate = false;
        },
    );
    assert_eq!(
        fixture.rfc8693_example(&form).claims()["act"],
        json!({ "sub": "rs08" })
    );
}

#[test]
fn rfc8693_a_2_an_actor_that_may_act_is_named() {
    let fixture = at(
        1_441_910_010,
        |_| (),
        |client| {
            client.audience = vec!["urn:example:cooperation-context".into()];
            client.scope = ScopeSet::parse("status feed").unwrap();
        },
    );
    let subject_claims = "eyJhdWQiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwiaXNzIjoiaHR0cHM6Ly9vcmlnaW5hbC1p\
                          c3N1ZXIuZXhhbXBsZS5uZXQiLCJleHAiOjE0NDE5MTAwNjAsInNjb3BlIjoic3RhdHVzIGZlZWQiLCJ\
                          zdWIiOiJ1c2VyQGV4YW1wbGUubmV0IiwibWF5X2FjdCI6eyJzdWIiOiJhZG1pbkBleGFtcGxlLm5ldC\
                          J9fQ";
    let actor_claims = "eyJhdWQiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwiaXNzIjoiaHR0cHM6Ly9vcmlnaW5hbC1pc3\
                        N1ZXIuZXhhbXBsZS5uZXQiLCJleHAiOjE0NDE5MTAwNjAsInN1YiI6ImFkbWluQGV4YW1wbGUubmV0In0";
    let asked = format!(
        "&audience=urn%3Aexample%3Acooperation-context&subject_token={}&subject_token_type={TYPE_JWT}",
        by_original_issuer(HEADER, subject_claims)
    );
    let by_admin = format!(
        "&actor_token={}&actor_token_type={TYPE_JWT}",
        by_original_issuer(HEADER, actor_claims)
    );
    let answer = fixture.rfc8693_example(&format!(
        "{asked}{by_admin}&requested_token_type={TYPE_JWT}"
    ));
    assert_eq!(
        without(answer.claims(), OF_RFC9068),
        json!({
            "aud": "urn:example:cooperation-context", "iss": "https://as.example.com",
            "exp": 1_441_910_060, "scope": "status feed", "sub": "user@example.net",
            "act": { "sub": "admin@example.net" },
        })
    );
    // The RFC's is a JWT that is no access token (`N_A`); ours can be used as one.
    let response = answer.json();
    assert_eq!(
        response["issued_token_type"],
        "urn:ietf:params:oauth:token-type:jwt"
    );
    assert_eq!(response["token_type"], "Bearer");
    // Nobody but the admin may act.
    let answer = fixture.rfc8693_example(&asked);
    assert_eq!(answer.error(), (400, "invalid_request".into()));
    assert_eq!(
        answer.reason(),
        "may_act of the subject_token names another"
    );
}

/// A chain of services, each of which exchanges what the one before sent it.
fn services() -> Fixture {
    let fixture = at(
        1_443_904_000,
        |realm| realm["issuer"] = json!("https://issuer.example.com"),
        |_| (),
    );
    for name in ["consumer", "service77", "service16"] {
        fixture.register(name, |client| {
            let host = format!("https://{name}.example.com");
            client.grant_types = vec![EXCHANGE.into()];
            client.subject = Some(match name {
                "consumer" => "admin@example.com".to_owned(),
                _ => host.clone(),
            });
            client.resources = vec![host];
            client.exchange_audience = ["consumer", "service16", "service26"]
                .map(|next| format!("https://{next}.example.com"))
                .into();
        });
    }
    fixture.register("app", |_| ());
    fixture
}

/// What the service gets for a token that it was sent, for the next one.
fn passed(fixture: &Fixture, service: &str, token: &str, next: &str) -> (String, Value) {
    let form = format!(
        "grant_type={EXCHANGE}{}&audience=https://{next}.example.com",
        subject(token, ACCESS_TOKEN)
    );
    let authorization = basic(service, SECRET);
    let request = Request {
        authorization: Some(&authorization),
        ..post("/as/token.oauth2", &form)
    };
    let answer = fixture.send_with("issuer.example.com", &request, &|octets| {
        octets.fill(1);
        Ok(())
    });
    let claims = answer.claims();
    (
        answer.json()["access_token"].as_str().unwrap().to_owned(),
        claims,
    )
}

fn of_user(audience: &str) -> String {
    Signed::access_token("app")
        .claim("iss", "https://issuer.example.com")
        .claim("sub", "user@example.com")
        .claim("aud", audience)
        .claim("iat", 1_443_903_990)
        .claim("exp", 1_443_904_100)
        .text()
}

#[test]
fn rfc8693_4_1_the_actor_of_a_token() {
    let (_, claims) = passed(
        &services(),
        "consumer",
        &of_user("https://consumer.example.com"),
        "consumer",
    );
    assert_eq!(
        without(claims, OF_RFC9068),
        json!({
            "aud": "https://consumer.example.com", "iss": "https://issuer.example.com",
            "exp": 1_443_904_100, "sub": "user@example.com", "act": { "sub": "admin@example.com" },
            "exchanged_from": { "client_id": "app", "iat": 1_443_903_990 },
        })
    );
}

#[test]
fn rfc8693_4_1_a_chain_of_actors_with_the_latest_outside() {
    let fixture = services();
    let sent = of_user("https://service77.example.com");
    let (sent, _) = passed(&fixture, "service77", &sent, "service16");
    let (_, claims) = passed(&fixture, "service16", &sent, "service26");
    assert_eq!(
        without(claims, OF_RFC9068),
        json!({
            "aud": "https://service26.example.com", "iss": "https://issuer.example.com",
            "exp": 1_443_904_100, "sub": "user@example.com",
            "act": {
                "sub": "https://service16.example.com",
                "act": { "sub": "https://service77.example.com" },
            },
            "exchanged_from": {
                "client_id": "app", "iat": 1_443_903_990,
                "through": [{ "client_id": "service77", "iat": 1_443_904_000 }],
            },
        })
    );
}

#[test]
fn rfc8693_4_4_the_admin_alone_may_act_for_the_user() {
    // The claims of the figure, for who is asked to exchange them.
    let claims = r#"{"aud":"https://consumer.example.com","iss":"https://issuer.example.com",
        "exp":1443904177,"nbf":1443904077,"sub":"user@example.com",
        "may_act":{"sub":"admin@example.com"}}"#;
    let token = Signed::assertion("x")
        .header("kid", "16")
        .signed_by(16)
        .with_claims(claims);
    for (who, is_good) in [("admin@example.com", true), ("eve@example.com", false)] {
        let change = |realm: &mut Value| {
            let issuer = &mut realm["trusted_issuers"]["original-issuer"];
            issuer["issuer"] = json!("https://issuer.example.com");
            issuer["audience"] = json!(["https://consumer.example.com"]);
        };
        let fixture = at(1_443_904_100, change, |client| {
            client.subject = Some(who.into())
        });
        // A subject of that issuer, who shows it by a token of theirs, and not a namesake here.
        let who_acts = claims.replace("user@example.com", who);
        let by_who = Signed::assertion("x")
            .header("kid", "16")
            .signed_by(16)
            .with_claims(who_acts);
        let form = subject(&token, JWT);
        let shown = fixture.rfc8693_example(&format!("{form}{}", actor(&by_who, JWT)));
        let namesake = fixture.rfc8693_example(&form);
        let refused = "may_act of the subject_token names another";
        assert_eq!(namesake.reason(), refused);
        match is_good {
            true => assert_eq!(shown.claims()["act"], json!({ "sub": who })),
            false => assert_eq!(shown.reason(), refused),
        }
    }
}
