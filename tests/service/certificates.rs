//! RFC 8705: clients that the network before the service saw a certificate of.
//! `people::certificates` goes on with the tokens.

use edge_token::auth_method::AuthMethod;

use super::*;

const GRANT: &str = "grant_type=client_credentials";
const SUBJECT: &str = "CN=app,O=Example,C=DE";

/// The SHA-256 of the empty text, in hexadecimal and in base64url.
pub(super) const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
pub(super) const THUMBPRINT: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

/// A certificate that an authority vouches for.
pub(super) const GOOD: ClientCertificate<'_> = ClientCertificate {
    verified: "SUCCESS",
    revoked: "0",
    subject_dn: SUBJECT,
    fingerprint: DIGEST,
};

/// Another one, of the same subject: the SHA-256 of `abc`.
pub(super) const OTHER: ClientCertificate<'_> = ClientCertificate {
    fingerprint: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    ..GOOD
};

fn by_certificate(client: &mut Client) {
    client.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
    client.tls_client_auth_subject_dn = Some(SUBJECT.to_owned());
}

impl Fixture {
    /// A token request with a certificate, and that after its grant type.
    fn show(&self, form: &str, certificate: Option<ClientCertificate<'_>>) -> Answer {
        let body = format!("{GRANT}{form}");
        self.send(&Request {
            connection: connection(&certificate),
            ..post("/token", &body)
        })
    }
}

#[test]
fn a_client_with_the_registered_subject_gets_a_token() {
    let fixture = Fixture::new();
    fixture.register("tls", by_certificate);
    let not_told = ClientCertificate {
        revoked: "",
        ..GOOD
    };
    for certificate in [GOOD, OTHER, not_told] {
        let answer = fixture.show("&client_id=tls", Some(certificate));
        assert_eq!(answer.claims()["client_id"], "tls");
        // Not for the holder of the certificate alone, unless the record says so.
        assert_eq!(
            (answer.claims().get("cnf"), answer.log().get("x5t#S256")),
            (None, None)
        );
        assert_eq!(answer.json()["token_type"], "Bearer");
    }
}

#[test]
fn whoever_shows_less_is_refused_like_an_unknown_client() {
    let fixture = Fixture::new();
    fixture.register("tls", by_certificate);
    fixture.register("disabled", |client| {
        by_certificate(client);
        client.disabled = true;
    });
    fixture.register("keys", |client| {
        by_certificate(client);
        client.token_endpoint_auth_method = AuthMethod::PrivateKeyJwt;
        client.jwks = Some(signed::jwks(&[signed::CLIENT_KEY]));
    });
    let of = |subject_dn: &'static str| Some(ClientCertificate { subject_dn, ..GOOD });
    let verified = |verified: &'static str| Some(ClientCertificate { verified, ..GOOD });
    let revoked = Some(ClientCertificate {
        revoked: "1",
        ..GOOD
    });
    let no_certificate = "no verified client certificate";
    let subject = "not the registered subject of the certificate";
    let method = "not the registered authentication method";
    let tls = "&client_id=tls";
    let expected = fixture.token_as(&basic("nobody", "wrong"), GRANT).response;
    for (name, form, certificate, reason) in [
        ("no certificate", tls, None, no_certificate),
        ("none that was shown", tls, verified("NONE"), no_certificate),
        (
            "self signed",
            tls,
            verified("FAILED:self signed certificate"),
            no_certificate,
        ),
        (
            "expired",
            tls,
            verified("FAILED:certificate has expired"),
            no_certificate,
        ),
        (
            "not told whether verified",
            tls,
            verified(""),
            no_certificate,
        ),
        (
            "verified in lower case",
            tls,
            verified("success"),
            no_certificate,
        ),
        ("revoked", tls, revoked, no_certificate),
        (
            "nothing told",
            tls,
            Some(ClientCertificate::default()),
            no_certificate,
        ),
        (
            "another subject",
            tls,
            of("CN=other,O=Example,C=DE"),
            subject,
        ),
        ("no subject", tls, of(""), subject),
        (
            "a subject with spaces",
            tls,
            of("CN=app, O=Example, C=DE"),
            subject,
        ),
        (
            "a subject in other letters",
            tls,
            of("cn=app,o=Example,c=DE"),
            subject,
        ),
        (
            "a subject in another order",
            tls,
            of("C=DE,O=Example,CN=app"),
            subject,
        ),
        (
            "a subject with more",
            tls,
            of("CN=app,O=Example,C=DE,CN=x"),
            subject,
        ),
        ("a subject with less", tls, of("CN=app,O=Example"), subject),
        ("a client of Basic", "&client_id=app", Some(GOOD), method),
        (
            "a client of assertions",
            "&client_id=keys",
            Some(GOOD),
            method,
        ),
        (
            "a disabled client",
            "&client_id=disabled",
            Some(GOOD),
            "client disabled",
        ),
        (
            "an unknown client",
            "&client_id=nobody",
            Some(GOOD),
            "unknown client",
        ),
        (
            "the id in upper case",
            "&client_id=TLS",
            Some(GOOD),
            "unknown client",
        ),
        ("no id", "", Some(GOOD), "no client authentication"),
        (
            "a secret too",
            "&client_id=tls&client_secret=x",
            Some(GOOD),
            method,
        ),
    ] {
        let answer = fixture.show(form, certificate);
        assert_eq!(answer.response, expected, "{name}");
        assert_eq!(answer.reason(), reason, "{name}");
    }
    // With its secret in Basic it shows no more than that.
    let answer = fixture.send(&Request {
        authorization: Some(&basic("tls", SECRET)),
        connection: Some(&GOOD),
        ..post("/token", GRANT)
    });
    assert_eq!((answer.response, fixture.store.acts()), (expected, 0));
}

#[test]
fn a_record_without_a_subject_is_a_503() {
    let fixture = Fixture::new();
    let nameless = ClientCertificate {
        subject_dn: "",
        ..GOOD
    };
    for (subject, certificate) in [(None, GOOD), (Some(""), nameless)] {
        fixture.register("tls", |client| {
            client.token_endpoint_auth_method = AuthMethod::TlsClientAuth;
            client.tls_client_auth_subject_dn = subject.map(str::to_owned);
        });
        let answer = fixture.show("&client_id=tls", Some(certificate));
        assert_eq!(answer.error(), (503, "temporarily_unavailable".into()));
        let reason = "unusable record at key `client/default/tls`: \
                      member `tls_client_auth_subject_dn` is missing or empty";
        assert_eq!(answer.reason(), reason);
    }
}

#[test]
fn tokens_are_for_the_certificate_where_the_record_says_so() {
    let fixture = Fixture::new();
    fixture.register("tls", |client| {
        by_certificate(client);
        client.tls_client_certificate_bound_access_tokens = true;
    });
    // Whatever it authenticates by (RFC 8705 §3).
    fixture.register("app", |client| {
        client.tls_client_certificate_bound_access_tokens = true
    });
    let app = basic("app", SECRET);
    let as_app = |certificate| {
        fixture.send(&Request {
            authorization: Some(&app),
            connection: connection(&certificate),
            ..post("/token", GRANT)
        })
    };
    let upper = DIGEST.to_uppercase();
    let upper = ClientCertificate {
        fingerprint: &upper,
        ..GOOD
    };
    for answer in [
        fixture.show("&client_id=tls", Some(GOOD)),
        fixture.show("&client_id=tls", Some(upper)),
        as_app(Some(GOOD)),
    ] {
        assert_eq!(answer.claims()["cnf"], json!({ "x5t#S256": THUMBPRINT }));
        assert_eq!(answer.log()["x5t#S256"], THUMBPRINT);
        assert_eq!(answer.json()["token_type"], "Bearer");
    }
    let longer = format!("{DIGEST}00");
    let signed = format!("+{}", &DIGEST[1..]);
    let spelled = DIGEST.replace('e', "g");
    let wide = format!("{}é", &DIGEST[2..]);
    let with = |fingerprint| {
        Some(ClientCertificate {
            fingerprint,
            ..GOOD
        })
    };
    for (name, certificate) in [
        ("no certificate", None),
        (
            "revoked",
            Some(ClientCertificate {
                revoked: "1",
                ..GOOD
            }),
        ),
        (
            "not verified",
            Some(ClientCertificate {
                verified: "NONE",
                ..GOOD
            }),
        ),
        ("no fingerprint", with("")),
        ("a fingerprint cut short", with(&DIGEST[2..])),
        ("a fingerprint with more", with(&longer)),
        ("a fingerprint with a sign", with(&signed)),
        ("a fingerprint of other letters", with(&spelled)),
        ("a fingerprint that is not ASCII", with(&wide)),
        ("a fingerprint in base64url", with(THUMBPRINT)),
    ] {
        let answer = as_app(certificate);
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{name}");
        assert!(answer.reason().contains("no good one was shown"), "{name}");
    }
}
