//! Strings in the place of a secret that cannot be secrets: what templates fill in, what exports
//! mask, what other tools decrypt, and what is left of a secret when it is hashed.

/// Says of a string that cannot be a secret what it is.
pub(crate) fn placeholder(text: &str) -> Option<&'static str> {
    let text = text.trim();
    if is_mask(text) {
        return Some("is masked");
    }
    if is_template(text) || is_reference(text) || is_reminder(text) {
        return Some("is a placeholder");
    }
    None
}

/// Whether a template would put another text in the place of this one, or of a part of it: `${…}`,
/// `$(…)`, `{{…}}`, `#{…}#`, `<…>`, `%…%`, `@…@`, `__…__`, `[[…]]`, `?…?`, `$NAME`.
pub(crate) fn is_template(text: &str) -> bool {
    let within = [
        ("${", "}"),
        ("$(", ")"),
        ("{{", "}}"),
        ("#{", "}"),
        ("<%", "%>"),
    ];
    let around = [
        ("<", ">"),
        ("%", "%"),
        ("@", "@"),
        ("__", "__"),
        ("[[", "]]"),
        ("?", "?"),
        ("{", "}"),
    ];
    let has = |(begin, end): &(&str, &str)| {
        let rest = text.split_once(begin).map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.contains(end))
    };
    let is_around = |(begin, end): &(&str, &str)| {
        let inner = text
            .strip_prefix(begin)
            .and_then(|rest| rest.strip_suffix(end));
        inner.is_some_and(is_name)
    };
    let is_variable = text.strip_prefix('$').is_some_and(is_variable);
    within.iter().any(has) || around.iter().any(is_around) || is_variable
}

/// Whether a string can be the name of a variable or a few words, and not something random.
fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_-. :/".contains(c);
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    begins && text.chars().all(fits)
}

fn is_variable(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
    let begins = text.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
    begins && text.bytes().all(fits)
}

/// Whether another tool has the secret under this address or decrypts it.
fn is_reference(text: &str) -> bool {
    let begins = [
        "ENC[",
        "ENC(",
        "vault:",
        "env:",
        "file:",
        "ref+",
        "$env:",
        "@Microsoft.KeyVault(",
        "arn:aws:",
        "process.env.",
        "{cipher}",
        "!env ",
        "!ENV ",
        "-----BEGIN",
    ];
    begins.iter().any(|begin| text.starts_with(begin)) || text.contains("://")
}

/// Whether a character hides each of the secret's, or most of them, as in `**********` and
/// `ab****yz`.
fn is_mask(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    let is_whole =
        first.is_some_and(|c| "*•●xX#.-_".contains(c) && characters.all(|other| other == c));
    is_whole || text.contains("****") || text.contains("••••")
}

/// Whether it reminds people to put a secret here.
fn is_reminder(text: &str) -> bool {
    let plain = |c: &char| c.is_ascii_alphanumeric();
    let word = text.chars().filter(plain).collect::<String>();
    let word = word.to_ascii_lowercase();
    let whole = [
        "clientsecret",
        "hidden",
        "masked",
        "none",
        "null",
        "removed",
        "secrethere",
        "tbd",
        "todo",
        "undefined",
    ];
    let begins = [
        "changeit",
        "changethis",
        "enteryour",
        "fixme",
        "insertsecret",
        "insertyour",
        "putsecret",
        "putyour",
        "replaceme",
        "replacethis",
        "replacewith",
        "yourclient",
        "yoursecret",
    ];
    let within = ["changeme", "placeholder", "redacted"];
    whole.contains(&word.as_str())
        || begins.iter().any(|begin| word.starts_with(begin))
        || within.iter().any(|part| word.contains(part))
}

/// Whether a string is a hash of a secret, as databases keep them: PBKDF2 as light-oauth2 writes it,
/// crypt's forms, and those with the scheme in braces.
pub(crate) fn is_hash(text: &str) -> bool {
    let is_hex = |part: &str| part.len() >= 16 && part.bytes().all(|b| b.is_ascii_hexdigit());
    let mut parts = text.split(':');
    let parts = (parts.next(), parts.next(), parts.next(), parts.next());
    let is_pbkdf2 = match parts {
        (Some(rounds), Some(salt), Some(hash), None) => {
            let digits = !rounds.is_empty() && rounds.bytes().all(|b| b.is_ascii_digit());
            digits && is_hex(salt) && is_hex(hash)
        }
        _ => false,
    };
    let crypt = [
        "$2a$", "$2b$", "$2y$", "$argon2", "$pbkdf2", "$scrypt", "$5$", "$6$", "$y$",
    ];
    let braces = [
        "{bcrypt}", "{pbkdf2", "{argon2", "{scrypt}", "{sha256}", "{SHA", "{SSHA",
    ];
    is_pbkdf2
        || crypt.iter().any(|begin| text.starts_with(begin))
        || braces.iter().any(|begin| text.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_secret_is_none() {
        for text in [
            "${KC_CLIENT_SECRET}",
            "${env.SECRET:-x}",
            "${vault.client}",
            "prefix-${A}",
            "$(env:CLIENT_SECRET)",
            "$(secret)",
            "$CLIENT_SECRET",
            "{{ client_secret }}",
            "{{secret}}",
            "<%= secret %>",
            "<secret>",
            "<your secret here>",
            "%CLIENT_SECRET%",
            "?UUID?",
            "@client.secret@",
            "#{Secret}#",
            "__SECRET__",
            "[[secret]]",
            "{secret}",
            "ENC[AES256_GCM,data:Zm9v]",
            "op://vault/item/field",
            "vault:secret/data/app#secret",
            "ref+awsssm://x",
            "{cipher}abcdef",
            "CHANGE_ME",
            "change-me",
            "changeme",
            "REPLACE-ME",
            "[REDACTED]",
            "your-client-secret",
            "your-client-secret-here",
            "REPLACE_WITH_SECRET",
            "SECRET_PLACEHOLDER",
            "$env:CLIENT_SECRET",
            "awssm://billing/secret",
            "TODO",
            "null",
        ] {
            assert_eq!(placeholder(text), Some("is a placeholder"), "{text}");
        }
        for text in [
            "*",
            "**********",
            "••••••",
            "xxxxxxxx",
            "XXXX",
            "-----",
            "ab*****yz",
        ] {
            assert_eq!(placeholder(text), Some("is masked"), "{text}");
        }
    }

    #[test]
    fn secrets_are_secrets() {
        for text in [
            "s3cret-value-of-x",
            "secret",
            "password",
            "6f2f8f0e-7a3e-4b8f-9a53-0c7a3f3e2b11",
            "x7Vb$k{2}q<R>p%z%A@b@",
            "$ecret-with-a-dollar",
            "50%off%",
            "what?why?",
            "<<<>>>",
            "{\"a\":1}",
            "f6h1FTI8Q3-7UScPZDzfXA",
            "d41d8cd98f00b204e9800998ecf8427e",
        ] {
            assert_eq!(placeholder(text), None, "{text}");
            assert!(!is_hash(text), "{text}");
        }
    }

    #[test]
    fn hashes_are_told_from_secrets() {
        for text in [
            "1000:5b39342c202d37372c203132302c202d3132302c:949e6fcf9c4bb8a3d6a8c141a3a9182a572fb95f",
            "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$RdescudvJCsgt3ub",
            "$pbkdf2-sha256$i=25000,l=32$mBNPcyMRLWQx$+0A",
            "{bcrypt}$2a$10$dXJ3SW6G7P50lGmMkkmwe",
        ] {
            assert!(is_hash(text), "{text}");
        }
    }
}
