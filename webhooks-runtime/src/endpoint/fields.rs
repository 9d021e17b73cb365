//! Which keys on a path are fields that a type declares; all others are the input's own words.

use std::cell::RefCell;
use std::iter::once;

use serde::de::value::{Error, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_path_to_error::Segment;

/// For each step of `path`, whether it is a field that is declared where the path leads through `T`.
///
/// `T` is read from a document that is nothing but this path. A struct names its fields when it asks
/// for its content, and a map doesn't. Where that can't be followed (an enum's content, a flattened
/// struct, a tuple's later parts) a step counts as not declared.
pub(super) fn declared<T: DeserializeOwned>(path: &[&Segment]) -> Vec<bool> {
    let declared = RefCell::new(vec![false; path.len()]);
    // It ends in an error at the path's end, at the latest.
    let _ = T::deserialize(Walk { path, depth: 0, declared: &declared });
    declared.into_inner()
}

/// A document that holds one path and ends where that ends.
#[derive(Clone, Copy)]
struct Walk<'a> {
    path: &'a [&'a Segment],
    depth: usize,
    declared: &'a RefCell<Vec<bool>>,
}

impl Walk<'_> {
    fn next(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }
}

impl<'de> Deserializer<'de> for Walk<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.path.get(self.depth) {
            Some(Segment::Map { key }) => {
                visitor.visit_map(MapDeserializer::new(once((key.as_str(), self.next()))))
            }
            Some(Segment::Seq { .. }) => visitor.visit_seq(SeqDeserializer::new(once(self.next()))),
            _ => Err(Error::custom("the path ends here")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(Segment::Map { key }) = self.path.get(self.depth) {
            self.declared.borrow_mut()[self.depth] = fields.contains(&key.as_str());
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Walk<'_> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
