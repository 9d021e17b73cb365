//! The scalar values and lists of a payload.

use serde::de::{IgnoredAny, MapAccess, SeqAccess};

use super::reader::{Empty, FieldSeed, FieldValue, Lenient, Reader};
use crate::payload::{
    DiscussionStatus, EventAction, EventScope, FileAction, RepoType, WebhookPayloadUpdatedFile,
    WebhookPayloadUpdatedRef,
};

macro_rules! texts {
    ($($name:ident),+) => {$(
        impl Lenient for $name {
            const SHAPE: &'static str = "a string";

            fn text(text: &str) -> Option<Self> {
                Some(Self::from(text))
            }
        }

        impl Empty for $name {
            fn empty() -> Self {
                Self::from("")
            }
        }
    )+};
}

texts!(String, EventAction, EventScope, RepoType, DiscussionStatus, FileAction);

impl Lenient for bool {
    const SHAPE: &'static str = "a boolean";

    fn boolean(boolean: bool) -> Option<Self> {
        Some(boolean)
    }
}

impl Empty for bool {
    fn empty() -> Self {
        false
    }
}

impl Lenient for u64 {
    const SHAPE: &'static str = "a number";

    fn number(number: u64) -> Option<Self> {
        Some(number)
    }

    /// Reads a number with serde_json's feature `arbitrary_precision`, which any dependency of the program can
    /// enable. With it, a number is an object with one member.
    fn object<'de, A: MapAccess<'de>>(
        mut members: A,
        _: &mut Reader,
    ) -> Result<Option<Self>, A::Error> {
        let mut number = None;
        while let Some(key) = members.next_key::<String>()? {
            if key == "$serde_json::private::Number" {
                number = members.next_value::<String>()?.parse().ok();
            } else {
                members.next_value::<IgnoredAny>()?;
            }
        }
        Ok(number)
    }
}

impl Empty for u64 {
    fn empty() -> Self {
        0
    }
}

impl Lenient for Vec<String> {
    const SHAPE: &'static str = "a list";

    fn list<'de, A: SeqAccess<'de>>(
        mut items: A,
        reader: &mut Reader,
    ) -> Result<Option<Self>, A::Error> {
        let mut texts = Some(Self::new());
        while let Some(item) = items.next_element_seed(FieldSeed::new(reader))? {
            match (item, &mut texts) {
                (FieldValue::Value(text), Some(texts)) => texts.push(text),
                _ => texts = None,
            }
        }
        Ok(texts)
    }
}

macro_rules! lists {
    ($($element:ident),+) => {$(
        impl Lenient for Vec<$element> {
            const SHAPE: &'static str = "a list";

            fn list<'de, A: SeqAccess<'de>>(
                items: A,
                reader: &mut Reader,
            ) -> Result<Option<Self>, A::Error> {
                reader.elements(items).map(Some)
            }
        }
    )+};
}

lists!(WebhookPayloadUpdatedRef, WebhookPayloadUpdatedFile);
