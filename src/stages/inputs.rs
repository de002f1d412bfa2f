//! Inputs are strings until here: one typed reading each, with an error that names the input.

use chartrel_core::{Code, Refusal, name::ReleaseTag};

/// A number of a pull request.
pub(crate) fn number(name: &str, value: Option<&str>) -> Result<u64, Refusal> {
    let value = required(name, value)?;
    value.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        let what = format!("input `{name}` is `{}`, not a number of a pull request", value.escape_debug());
        Refusal::new(Code::InputInvalid, what, "give the number alone, such as `42`")
    })
}

/// A release tag.
pub(crate) fn tag(name: &str, value: Option<&str>) -> Result<ReleaseTag, Refusal> {
    let value = required(name, value)?;
    value.parse().map_err(|refusal: Refusal| Refusal::new(Code::InputInvalid, format!("input `{name}`: {}", refusal.what), refusal.help))
}

/// `true` or `false` and nothing else; absent is `false`.
pub(crate) fn boolean(name: &str, value: Option<&str>) -> Result<bool, Refusal> {
    match value.filter(|text| !text.is_empty()) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            let what = format!("input `{name}` is `{}`, neither `true` nor `false`", other.escape_debug());
            Err(Refusal::new(Code::InputInvalid, what, "write `true` or `false`, in lower case"))
        }
    }
}

fn required<'a>(name: &str, value: Option<&'a str>) -> Result<&'a str, Refusal> {
    value.filter(|text| !text.is_empty()).ok_or_else(|| {
        Refusal::new(
            Code::InputMissing,
            format!("input `{name}` is missing"),
            format!("give `{name}`; the stage before passes it when it dispatches"),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_input_is_named() {
        for (value, code) in
            [(None, Code::InputMissing), (Some(""), Code::InputMissing), (Some("x"), Code::InputInvalid), (Some("0"), Code::InputInvalid)]
        {
            let refusal = number("pr", value).unwrap_err();
            assert_eq!(refusal.code, code);
            assert!(refusal.what.contains("`pr`"));
        }
        assert_eq!(number("pr", Some("42")), Ok(42));
        assert_eq!(boolean("dry", Some("True")).unwrap_err().code, Code::InputInvalid);
        assert_eq!(boolean("dry", Some("true")), Ok(true));
        assert_eq!(tag("tag", Some("x")).unwrap_err().code, Code::InputInvalid);
        assert_eq!(tag("tag", Some("nginx-v1.0.0")).unwrap().to_string(), "nginx-v1.0.0");
    }
}
