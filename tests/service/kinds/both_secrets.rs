//! Both ways of sending a secret: half of the simple client libraries know HTTP Basic alone, the other
//! half the form alone, and a record may say that either will do.

use edge_token::auth_method::AuthMethod;

use super::super::certificates::GOOD;
use super::super::people::{CALLBACK, People, encoded};
use super::super::signed::*;
use super::super::*;

const GRANT: &str = "grant_type=client_credentials";

/// How a request sends `app`'s secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Basic,
    Form,
}

impl Way {
    const BOTH: [Self; 2] = [Self::Basic, Self::Form];

    fn name(self) -> &'static str {
        match self {
            Self::Basic => "client_secret_basic",
            Self::Form => "client_secret_post",
        }
    }
}

/// A realm with people whose client `app` has this method.
fn realm(method: AuthMethod) -> People {
    let people = People::new();
    people.register("app", |client| {
        client.grant_types.push("client_credentials".into());
        client.token_endpoint_auth_method = method;
        match method {
            AuthMethod::PrivateKeyJwt => client.jwks = Some(jwks(&[CLIENT_KEY])),
            AuthMethod::TlsClientAuth => {
                client.tls_client_auth_subject_dn = Some(GOOD.subject_dn.to_owned());
            }
            _ => (),
        }
    });
    people
}

fn send(people: &People, way: Way, path: &str, form: &str, secret: &str) -> Answer {
    let authorization = basic("app", secret);
    let in_form = format!("{form}&client_id=app&client_secret={}", encoded(secret));
    people.send(&match way {
        Way::Basic => Request {
            authorization: Some(&authorization),
            ..post(path, form)
        },
        Way::Form => post(path, &in_form),
    })
}

#[test]
fn a_record_takes_one_way_or_both() {
    for method in AuthMethod::ALL {
        let people = realm(method);
        for way in Way::BOTH {
            let answer = send(&people, way, "/token", GRANT, SECRET);
            let takes = match method {
                AuthMethod::ClientSecret => true,
                AuthMethod::ClientSecretBasic => way == Way::Basic,
                AuthMethod::ClientSecretPost => way == Way::Form,
                _ => false,
            };
            let expected = if takes { 200 } else { 401 };
            assert_eq!(answer.status(), expected, "{method:?} {way:?}");
            let told = answer.log()["auth_method"].as_str().map(str::to_owned);
            assert_eq!(
                told.as_deref(),
                takes.then(|| way.name()),
                "{method:?} {way:?}"
            );
            if !takes {
                let reason = "not the registered authentication method";
                assert_eq!(answer.reason(), reason, "{method:?} {way:?}");
            }
        }
    }
}

#[test]
fn it_is_so_wherever_a_client_authenticates() {
    let people = realm(AuthMethod::ClientSecret);
    let uri = encoded(CALLBACK);
    let push = format!("response_type=code&redirect_uri={uri}");
    for (path, form, status) in [
        ("/token", GRANT, 200),
        ("/introspect", "token=x", 200),
        ("/revoke", "token=x", 200),
        ("/par", push.as_str(), 201),
        ("/logout", "refresh_token=x", 204),
    ] {
        for way in Way::BOTH {
            let answer = send(&people, way, path, form, SECRET);
            assert_eq!(
                answer.status(),
                status,
                "{path} {way:?}: {}",
                answer.reason()
            );
            assert_eq!(answer.log()["auth_method"], way.name(), "{path} {way:?}");
            let answer = send(&people, way, path, form, "wrong");
            assert_eq!(
                answer.error(),
                (401, "invalid_client".into()),
                "{path} {way:?}"
            );
            assert_eq!(answer.log().get("auth_method"), None, "{path} {way:?}");
        }
    }
    for way in Way::BOTH {
        let code = people.code("app", "", json!({}));
        let form = format!("grant_type=authorization_code&code={code}&redirect_uri={uri}");
        let tokens = send(&people, way, "/token", &form, SECRET);
        let refresh = tokens.text("refresh_token");
        let form = format!("grant_type=refresh_token&refresh_token={refresh}");
        assert_eq!(send(&people, way, "/token", &form, SECRET).status(), 200);
    }
}

/// RFC 6749 §2.3: "MUST NOT use more than one authentication method in each request".
#[test]
fn both_at_once_are_refused_for_every_record() {
    for method in AuthMethod::ALL {
        let people = realm(method);
        for (path, form) in [
            ("/token", GRANT),
            ("/introspect", "token=x"),
            ("/revoke", "token=x"),
        ] {
            let form = format!("{form}&client_id=app&client_secret={}", encoded(SECRET));
            let answer = people.send(&Request {
                authorization: Some(&basic("app", SECRET)),
                ..post(path, &form)
            });
            assert_eq!(
                answer.error(),
                (400, "invalid_request".into()),
                "{method:?} {path}"
            );
        }
    }
    let people = realm(AuthMethod::ClientSecret);
    let form = format!("{GRANT}{}", presented(&Signed::assertion("app").text()));
    let answer = people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/token", &form)
    });
    assert_eq!(answer.error(), (400, "invalid_request".into()));
    // The id alone beside Basic says the same thing twice.
    let answer = people.send(&Request {
        authorization: Some(&basic("app", SECRET)),
        ..post("/token", &format!("{GRANT}&client_id=app"))
    });
    assert_eq!(answer.log()["auth_method"], "client_secret_basic");
}

#[test]
fn each_line_tells_the_way_that_was_used() {
    let people = realm(AuthMethod::PrivateKeyJwt);
    let form = format!("{GRANT}{}", presented(&Signed::assertion("app").text()));
    let answer = people.send(&post("/token", &form));
    assert_eq!(
        answer.log()["auth_method"],
        "private_key_jwt",
        "{}",
        answer.reason()
    );
    let people = realm(AuthMethod::TlsClientAuth);
    let certificate = Some(GOOD);
    let answer = people.send(&Request {
        connection: connection(&certificate),
        ..post("/token", &format!("{GRANT}&client_id=app"))
    });
    assert_eq!(
        answer.log()["auth_method"],
        "tls_client_auth",
        "{}",
        answer.reason()
    );
    let answer = people.send(&post("/revoke", "token=x&client_id=spa"));
    assert_eq!(answer.log()["auth_method"], "none", "{}", answer.reason());
    // A browser only names a client.
    let answer = people.authorize("response_type=code&client_id=spa");
    assert_eq!(answer.log().get("auth_method"), None);
}

/// A secret that stands twice, one half of which needs form-decoding or does not, and one that was
/// chosen elsewhere: what is so of either way is so of both.
#[test]
fn secrets_are_read_as_their_way_has_it() {
    for secret in ["a+b", "a%20b", "ä:ö&=", "100%"] {
        let people = realm(AuthMethod::ClientSecret);
        people.register("app", |client| {
            client.grant_types = vec!["client_credentials".into()];
            client.token_endpoint_auth_method = AuthMethod::ClientSecret;
            client.secrets = vec![stored_secret("s1", "other"), stored_secret("s2", secret)];
        });
        for way in Way::BOTH {
            let answer = send(&people, way, "/token", GRANT, secret);
            assert_eq!(answer.status(), 200, "{secret} {way:?}");
            assert_eq!(answer.log()["secret_id"], "s2");
        }
    }
}

/// It is no registered name (RFC 7591 §4.2): nobody is told it, and nobody registers with it.
#[test]
fn nothing_outside_says_its_name() {
    let people = realm(AuthMethod::ClientSecret);
    let metadata = people.send(&Request {
        method: "GET",
        path: "/.well-known/openid-configuration",
        ..Request::default()
    });
    for member in ["token", "introspection", "revocation"] {
        let methods = &metadata.json()[format!("{member}_endpoint_auth_methods_supported")];
        let methods = methods.as_array().unwrap();
        assert!(!methods.contains(&"client_secret".into()), "{member}");
        assert!(methods.contains(&"client_secret_basic".into()), "{member}");
        assert!(methods.contains(&"client_secret_post".into()), "{member}");
    }

    let policy = |method: &str| {
        json!({ "registration": {
            "grant_types": ["client_credentials"], "auth_methods": [method], "scopes": "read",
        } })
    };
    let people = People::with(policy("client_secret_basic"));
    people.register("registrar", |client| {
        client.grant_types = vec!["client_credentials".into()];
        client.scope = ScopeSet::parse("client_registration").unwrap();
    });
    let token = Signed::access_token("registrar").claim("scope", "client_registration");
    let register = |people: &People, method: &str| {
        let metadata = json!({
            "grant_types": ["client_credentials"], "token_endpoint_auth_method": method,
        });
        people.send(&Request {
            authorization: Some(&format!("Bearer {}", token.text())),
            content_type: Some("application/json"),
            ..post("/register", &metadata.to_string())
        })
    };
    let refused = register(&people, "client_secret");
    assert_eq!(refused.error(), (400, "invalid_client_metadata".into()));
    let made = register(&people, "client_secret_basic").json();
    assert_eq!(made["token_endpoint_auth_method"], "client_secret_basic");
    // Nor can a realm let them.
    let wrong = register(&People::with(policy("client_secret")), "client_secret");
    assert_eq!(wrong.status(), 503);
    assert!(
        wrong.reason().contains("`auth_methods`"),
        "{}",
        wrong.reason()
    );
}
