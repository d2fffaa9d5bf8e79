//! OpenID Connect Core §5.3 and RP-Initiated Logout: userinfo and end session.

use super::*;

#[test]
fn userinfo_takes_access_tokens_of_people_alone() {
    let mut people = People::new();
    people.register("machine", |client| {
        client.grant_types = vec!["client_credentials".into()]
    });
    let claims = json!({ "name": "Ada", "email": "a@example.com", "address": {}, "role": "x" });
    let tokens = |scope: &str| {
        let code = people.code(
            "app",
            &format!("&scope={scope}"),
            json!({ "claims": claims }),
        );
        people.redeem(&code, "")
    };
    let good = tokens("openid+profile");
    let access_token = good.text("access_token");
    assert_eq!(
        people.userinfo(&access_token).json(),
        json!({ "sub": "1302", "name": "Ada" })
    );
    let without_openid = people.userinfo(&tokens("email").text("access_token"));
    assert_eq!(without_openid.error(), (403, "insufficient_scope".into()));
    assert_eq!(
        without_openid.header("www-authenticate"),
        Some("Bearer realm=\"default\", error=\"insufficient_scope\"")
    );
    let machine = people.token("machine", "grant_type=client_credentials&scope=openid");
    // Its own signature does not make anything an access token.
    let sid = claims_of(&access_token)["sid"].clone();
    let signed = |typ: &str, change: &dyn Fn(&mut Value)| signed(typ, &sid, change);
    assert_eq!(people.userinfo(&signed("at+jwt", &|_| ())).status(), 200);
    let (head, signature) = access_token.rsplit_once('.').unwrap();
    for token in [
        signed("JWT", &|_| ()),
        signed("at+jwt", &|claims| {
            claims["iss"] = json!("https://other.example")
        }),
        signed("at+jwt", &|claims| claims["jti"] = Value::Null),
        signed("at+jwt", &|claims| claims["sid"] = json!("1")),
        with_another_algorithm(&access_token),
        "x".to_owned(),
        good.text("id_token"),
        good.text("refresh_token"),
        machine.text("access_token"),
        format!("{head}."),
        format!("{head}.{}", signature.replace(&signature[..4], "AAAA")),
        format!("{access_token}A"),
    ] {
        let answer = people.userinfo(&token);
        assert_eq!(answer.error(), (401, "invalid_token".into()), "{token}");
        assert_eq!(
            answer.header("www-authenticate"),
            Some("Bearer realm=\"default\", error=\"invalid_token\"")
        );
    }
    let none = people.send(&Request {
        method: "GET",
        path: "/userinfo",
        ..Request::default()
    });
    assert_eq!(none.status(), 401);
    assert_eq!(
        none.header("www-authenticate"),
        Some("Bearer realm=\"default\"")
    );
    people.register("app", |client| client.disabled = true);
    assert_eq!(
        people.userinfo(&access_token).error(),
        (401, "invalid_token".into())
    );
    people.register("app", |_| ());
    assert_eq!(people.userinfo(&access_token).status(), 200);
    people.later(300);
    assert_eq!(people.userinfo(&access_token).error().0, 401);
}

/// A token of those claims, changed, signed by the realm's own key.
fn signed(typ: &str, sid: &Value, change: &dyn Fn(&mut Value)) -> String {
    let mut custom = json!({
        "iss": ISSUER, "sub": "1302", "aud": "app", "jti": "1", "client_id": "app", "scope": "openid", "sid": sid,
    });
    change(&mut custom);
    let moment = |seconds| UnixTime::from_seconds(NOW).plus(edge_token::time::Seconds(seconds));
    let claims = edge_token::jose::Claims {
        issued_at: moment(0),
        not_before: None,
        expiration: moment(9),
        custom,
    };
    let key = key(1, NOW - 1000, NOW + 1_000_000);
    edge_token::jose::sign(&key, Some(typ), claims).unwrap()
}

/// The token with `HS256` in its header, signed by the same key with ES256.
fn with_another_algorithm(token: &str) -> String {
    use p256::ecdsa::signature::Signer as _;
    let encode = |octets: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(octets);
    let mut header: Value = serde_json::from_slice(
        &base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(token.split('.').next().unwrap())
            .unwrap(),
    )
    .unwrap();
    header["alg"] = json!("HS256");
    let signed = format!(
        "{}.{}",
        encode(header.to_string().as_bytes()),
        token.split('.').nth(1).unwrap()
    );
    let key = p256::ecdsa::SigningKey::from_slice(&[1; 32]).unwrap();
    let signature: p256::ecdsa::Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", encode(&signature.to_bytes()))
}

#[test]
fn a_client_can_end_what_began() {
    let mut people = People::new();
    let end = |people: &People, query: &str| {
        people.send(&Request {
            method: "GET",
            path: "/logout",
            query,
            ..Request::default()
        })
    };
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let hint = tokens.text("id_token");
    let sid = claims_of(&hint)["sid"].clone();
    let without_jti = |claims: &mut Value| claims["jti"] = Value::Null;
    let bye = encoded("https://app.example/bye");
    for query in [
        "id_token_hint=x".into(),
        format!("id_token_hint={}", signed("JWT", &sid, &|_| ())),
        format!("id_token_hint={}", signed("at+jwt", &sid, &without_jti)),
        format!(
            "id_token_hint={}",
            signed("JWT", &sid, &|claims| {
                without_jti(claims);
                claims["iss"] = json!("https://other.example");
            })
        ),
        format!("id_token_hint={}", tokens.text("access_token")),
        format!("id_token_hint={hint}&client_id=spa"),
        format!("id_token_hint={hint}&post_logout_redirect_uri=https%3A%2F%2Fevil.example"),
        format!(
            "id_token_hint={hint}&post_logout_redirect_uri={}",
            encoded(CALLBACK)
        ),
    ] {
        let answer = end(&people, &query);
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    }
    let answer = end(
        &people,
        &format!("id_token_hint={hint}&client_id=app&post_logout_redirect_uri={bye}&state=s%261"),
    );
    assert_eq!(
        answer.header("location"),
        Some("https://app.example/bye?state=s%261")
    );
    assert_eq!(people.userinfo(&tokens.text("access_token")).error().0, 401);
    assert_eq!(
        people.refresh(&tokens.text("refresh_token"), "").error(),
        invalid_grant()
    );
    // Once more: there is nothing to end, and that is no error. A hint may be an old one.
    let late = signed("JWT", &sid, &without_jti);
    people.later(10_000_000);
    for hint in [hint, late] {
        let answer = end(&people, &format!("id_token_hint={hint}"));
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.log()["outcome"], "ended");
    }
}

#[test]
fn a_client_can_end_what_began_by_its_refresh_token() {
    let people = People::new();
    people.register("other", |_| ());
    let tokens = people.redeem(&people.code("app", "&scope=openid", json!({})), "");
    let refresh_token = tokens.text("refresh_token");
    let end = |authorization: &str, token: &str| {
        people.send(&Request {
            authorization: Some(authorization).filter(|text| !text.is_empty()),
            ..post("/logout", &format!("refresh_token={token}"))
        })
    };
    // No browser asks, so no page answers; nobody else's is ended.
    for (authorization, error) in [
        (String::new(), (401, "invalid_client")),
        (basic("app", "wrong"), (401, "invalid_client")),
        (basic("other", SECRET), (400, "invalid_grant")),
    ] {
        let answer = end(&authorization, &refresh_token);
        assert_eq!(answer.error(), (error.0, error.1.into()));
    }
    // What is no refresh token ends nothing, and is not revoked by the way.
    for token in ["x", &*tokens.text("access_token")] {
        let answer = end(&basic("app", SECRET), token);
        assert_eq!(answer.status(), 204);
        assert_eq!(answer.log()["reason"], "unknown code, ticket or token");
    }
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 200);
    let ended = end(&basic("app", SECRET), &refresh_token);
    assert_eq!((ended.status(), &*ended.response.body), (204, ""));
    assert_eq!(ended.log()["outcome"], "ended");
    assert_eq!(people.userinfo(&tokens.text("access_token")).status(), 401);
    assert_eq!(people.refresh(&refresh_token, "").error(), invalid_grant());
}
