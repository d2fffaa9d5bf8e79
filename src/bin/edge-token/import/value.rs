//! Members of JSON objects as the systems that wrote them read them: Keycloak's reader (Jackson)
//! takes `null` for absent, strings for booleans and numbers, and fills strings from both.

use serde_json::{Map, Value};

/// What is wrong with a member.
pub(crate) type Wrong = String;

/// An object whose members are read.
#[derive(Clone, Copy)]
pub(crate) struct Members<'a>(pub(crate) &'a Map<String, Value>);

impl<'a> Members<'a> {
    /// A member that is there and not `null`.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// A string; one that is empty counts as absent.
    pub(crate) fn text(self, name: &str) -> Result<Option<String>, Wrong> {
        let Some(value) = self.get(name) else {
            return Ok(None);
        };
        let text = as_text(value).ok_or_else(|| format!("`{name}` must be a string"))?;
        Ok(Some(text).filter(|text| !text.is_empty()))
    }

    /// A boolean, which `default` is where it is absent.
    pub(crate) fn flag(self, name: &str, default: bool) -> Result<bool, Wrong> {
        let flag = match self.get(name) {
            None => Some(default),
            Some(Value::Bool(flag)) => Some(*flag),
            Some(Value::Number(number)) => number.as_i64().map(|number| number != 0),
            Some(Value::String(text)) => match text.trim() {
                "" => Some(default),
                text if text.eq_ignore_ascii_case("true") => Some(true),
                text if text.eq_ignore_ascii_case("false") => Some(false),
                _ => None,
            },
            Some(_) => None,
        };
        flag.ok_or_else(|| format!("`{name}` must be true or false"))
    }

    /// A whole number.
    pub(crate) fn number(self, name: &str) -> Result<Option<i64>, Wrong> {
        let number = match self.get(name) {
            None => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(Value::Number(number)) => number.as_i64(),
            Some(_) => None,
        };
        let number = number.ok_or_else(|| format!("`{name}` must be a whole number"))?;
        Ok(Some(number))
    }

    /// An array of strings, if it is there.
    pub(crate) fn texts(self, name: &str) -> Result<Option<Vec<String>>, Wrong> {
        let wrong = || format!("`{name}` must be an array of strings");
        match self.get(name) {
            None => Ok(None),
            Some(Value::Array(items)) => {
                let items = items.iter().filter(|item| !item.is_null());
                let texts = items.map(|item| as_text(item).ok_or_else(wrong));
                texts.collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }

    /// An object, if it is there.
    pub(crate) fn object(self, name: &str) -> Result<Option<Self>, Wrong> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(Members(members))),
            Some(_) => Err(format!("`{name}` must be an object")),
        }
    }

    /// An array of objects; an absent one is empty.
    pub(crate) fn objects(self, name: &str) -> Result<Vec<Self>, Wrong> {
        let wrong = || format!("`{name}` must be an array of objects");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => {
                let items = items.iter().filter(|item| !item.is_null());
                let objects = items.map(|item| item.as_object().map(Members).ok_or_else(wrong));
                objects.collect()
            }
            Some(_) => Err(wrong()),
        }
    }

    /// A string within an object of strings, as `attributes` and `config` are.
    pub(crate) fn attribute(self, name: &str) -> Result<Option<String>, Wrong> {
        let text = self.text(name)?;
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    /// Whether such a string is `true`, in any case, as Java's `parseBoolean` has it.
    pub(crate) fn is_true(self, name: &str) -> bool {
        let text = self.get(name).and_then(as_text);
        text.is_some_and(|text| text.trim().eq_ignore_ascii_case("true"))
    }
}

/// The largest of the numbers of which a float has each (2^53).
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// A string, or a number or boolean as one.
pub(crate) fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // Digits beyond those of a float are lost already.
        Value::Number(number)
            if number.as_f64().is_some_and(|n| n.abs() > LARGEST) && number.is_f64() =>
        {
            None
        }
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_read_as_their_origin_reads_them() {
        let value = json!({
            "t": "x", "n": 600, "b": true, "null": null, "empty": "", "yes": "TRUE", "no": "false",
            "one": 1, "minus": "-1", "list": ["a", 1, null], "objects": [{}, null], "o": {"a": 1},
        });
        let members = Members(value.as_object().unwrap());
        for (name, text) in [
            ("t", Some("x")),
            ("n", Some("600")),
            ("b", Some("true")),
            ("null", None),
            ("empty", None),
            ("nothing", None),
        ] {
            assert_eq!(members.text(name), Ok(text.map(str::to_owned)), "{name}");
        }
        for (name, flag) in [("b", true), ("yes", true), ("no", false), ("one", true)] {
            assert_eq!(members.flag(name, !flag), Ok(flag), "{name}");
        }
        for name in ["null", "empty", "nothing"] {
            assert_eq!(members.flag(name, true), Ok(true), "{name}");
        }
        for (name, number) in [("n", Some(600)), ("minus", Some(-1)), ("empty", None)] {
            assert_eq!(members.number(name), Ok(number), "{name}");
        }
        let list = vec!["a".to_owned(), "1".to_owned()];
        assert_eq!(members.texts("list"), Ok(Some(list)));
        assert_eq!(members.objects("objects").map(|all| all.len()), Ok(1));
        assert!(members.object("o").is_ok_and(|object| object.is_some()));
        let large = json!({"n": 123_456_789_012_345_680_000_000_f64});
        assert!(Members(large.as_object().unwrap()).text("n").is_err());
        assert!(members.is_true("yes") && members.is_true("b") && !members.is_true("one"));
    }

    #[test]
    fn what_they_would_refuse_names_the_member_and_no_value() {
        let value = json!({"m": [[]], "o": {}, "t": "hunter2", "f": 1.5});
        let members = Members(value.as_object().unwrap());
        for error in [
            members.text("m").unwrap_err(),
            members.texts("m").unwrap_err(),
            members.objects("m").err().unwrap(),
            members.object("m").err().unwrap(),
            members.texts("t").unwrap_err().replace("`t`", "`m`"),
            members.flag("t", true).unwrap_err().replace("`t`", "`m`"),
            members.number("t").unwrap_err().replace("`t`", "`m`"),
            members.number("f").unwrap_err().replace("`f`", "`m`"),
        ] {
            assert!(
                error.starts_with("`m` must be ") && !error.contains("hunter2"),
                "{error}"
            );
        }
    }
}
