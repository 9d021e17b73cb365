//! Reads JSON of any shape into the types of a payload, and collects faults and deviations with their paths.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::deviations::{Deviations, DroppedField};
use super::path::{FieldPath, FieldStep};
use super::{FaultKind, FieldFault};
use crate::payload::webhook::VERSION;

/// A type that can be read from JSON of any shape. Each method handles one shape, and returns `None` if the type has
/// another one.
pub(super) trait Lenient: Sized {
    /// The expected shape, as error messages describe it.
    const SHAPE: &'static str;

    fn text(_text: &str) -> Option<Self> {
        None
    }

    fn boolean(_boolean: bool) -> Option<Self> {
        None
    }

    fn number(_number: u64) -> Option<Self> {
        None
    }

    fn list<'de, A: SeqAccess<'de>>(
        mut items: A,
        _: &mut Reader,
    ) -> Result<Option<Self>, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn object<'de, A: MapAccess<'de>>(
        mut members: A,
        _: &mut Reader,
    ) -> Result<Option<Self>, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A type with a default for a missing field.
pub(super) trait Empty {
    fn empty() -> Self;
}

/// The current path in the payload, and the faults and deviations so far.
#[derive(Debug, Default)]
pub(super) struct Reader {
    path: FieldPath,
    pub(super) faults: Vec<FieldFault>,
    pub(super) deviations: Deviations,
}

/// The value of a field in the JSON.
#[derive(Clone, Copy)]
pub(super) enum FieldValue<T> {
    Absent,
    Null,
    Value(T),
    /// A value of another shape.
    Malformed,
    /// The field is given twice, so its value is unclear.
    Duplicate,
}

impl<T> From<Option<T>> for FieldValue<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Malformed, Self::Value)
    }
}

impl<T> FieldValue<T> {
    /// Returns the value of a field without which an element is dropped.
    pub(super) fn needed(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Malformed | Self::Duplicate => None,
        }
    }

    /// Returns the value of such a field that may be `null`, but not absent.
    pub(super) fn nullable(self) -> Option<Option<T>> {
        match self {
            Self::Value(value) => Some(Some(value)),
            Self::Null => Some(None),
            Self::Absent | Self::Malformed | Self::Duplicate => None,
        }
    }

    /// Returns the value of a field that an element need not have.
    pub(super) fn extra(self) -> Option<Option<T>> {
        match self {
            Self::Absent => Some(None),
            present => present.nullable(),
        }
    }
}

impl Reader {
    /// Runs a closure one step further down the path.
    pub(super) fn at<R>(&mut self, step: FieldStep, inside: impl FnOnce(&mut Self) -> R) -> R {
        self.path.0.push(step);
        let result = inside(self);
        self.path.0.pop();
        result
    }

    pub(super) fn fault(&mut self, kind: FaultKind) {
        self.faults.push(FieldFault { path: self.path.clone(), kind });
    }

    fn record_dropped(&mut self) {
        self.deviations.dropped.push(DroppedField { path: self.path.clone(), more: 0 });
    }

    fn record_missing(&mut self) {
        self.deviations.missing.push(self.path.clone());
    }

    /// Reads the value of a field.
    pub(super) fn member<'de, T: Lenient, A: MapAccess<'de>>(
        &mut self,
        value: &mut FieldValue<T>,
        members: &mut A,
    ) -> Result<(), A::Error> {
        *value = if matches!(value, FieldValue::Absent) {
            members.next_value_seed(FieldSeed::new(self))?
        } else {
            // Skipped, so that a body cannot make the reader parse one field a million times.
            members.next_value::<IgnoredAny>()?;
            FieldValue::Duplicate
        };
        Ok(())
    }

    /// Returns the value of a required field. Without it, adds a fault.
    pub(super) fn required<T: Lenient + Empty>(&mut self, value: FieldValue<T>) -> T {
        match value {
            FieldValue::Value(value) => return value,
            FieldValue::Absent => self.fault(FaultKind::Missing),
            FieldValue::Null | FieldValue::Malformed => self.fault(FaultKind::Shape(T::SHAPE)),
            FieldValue::Duplicate => self.fault(FaultKind::Duplicate),
        }
        T::empty()
    }

    /// Returns the value of a field, or this default.
    pub(super) fn or<T>(&mut self, value: FieldValue<T>, default: T) -> T {
        match value {
            FieldValue::Value(value) => return value,
            FieldValue::Absent | FieldValue::Null => self.record_missing(),
            FieldValue::Malformed | FieldValue::Duplicate => self.record_dropped(),
        }
        default
    }

    /// Returns the value of a field, or an empty one.
    pub(super) fn or_empty<T: Empty>(&mut self, value: FieldValue<T>) -> T {
        self.or(value, T::empty())
    }

    /// Returns the value of a field that the documentation declares as optional.
    pub(super) fn optional<T>(&mut self, value: FieldValue<T>) -> Option<T> {
        match value {
            FieldValue::Value(value) => return Some(value),
            FieldValue::Absent | FieldValue::Null => {}
            FieldValue::Malformed | FieldValue::Duplicate => self.record_dropped(),
        }
        None
    }

    /// Checks the version of the payload.
    pub(super) fn version(&mut self, value: FieldValue<u64>) -> u32 {
        match value {
            FieldValue::Absent => self.record_missing(),
            FieldValue::Value(version) if version == u64::from(VERSION) => {}
            FieldValue::Value(_) => self.fault(FaultKind::Version { is_number: true }),
            FieldValue::Null | FieldValue::Malformed => {
                self.fault(FaultKind::Version { is_number: false });
            }
            FieldValue::Duplicate => self.fault(FaultKind::Duplicate),
        }
        VERSION
    }

    /// Reads the elements of a list. An incomplete or malformed element is dropped, because defaults would change its
    /// meaning: a ref without its new commit, for example, would appear to be deleted.
    pub(super) fn elements<'de, T: Lenient, A: SeqAccess<'de>>(
        &mut self,
        mut items: A,
    ) -> Result<Vec<T>, A::Error> {
        let (mut elements, mut first_dropped, mut dropped) = (Vec::new(), 0, 0_usize);
        for index in 0.. {
            match items.next_element_seed(FieldSeed::new(self))? {
                None => break,
                Some(FieldValue::Value(element)) => elements.push(element),
                Some(_) => {
                    if dropped == 0 {
                        first_dropped = index;
                    }
                    dropped += 1;
                }
            }
        }
        if let Some(more) = dropped.checked_sub(1) {
            let path = self.at(FieldStep::Index(first_dropped), |reader| reader.path.clone());
            self.deviations.dropped.push(DroppedField { path, more });
        }
        Ok(elements)
    }
}

/// Reads one value of any shape.
pub(super) struct FieldSeed<'a, T> {
    reader: &'a mut Reader,
    of: PhantomData<T>,
}

impl<'a, T> FieldSeed<'a, T> {
    pub(super) fn new(reader: &'a mut Reader) -> Self {
        Self { reader, of: PhantomData }
    }
}

impl<'de, T: Lenient> DeserializeSeed<'de> for FieldSeed<'_, T> {
    type Value = FieldValue<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FieldValue<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Lenient> Visitor<'de> for FieldSeed<'_, T> {
    type Value = FieldValue<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::SHAPE)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<FieldValue<T>, E> {
        Ok(T::boolean(boolean).into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<FieldValue<T>, E> {
        Ok(T::number(number).into())
    }

    fn visit_i64<E>(self, _: i64) -> Result<FieldValue<T>, E> {
        Ok(FieldValue::Malformed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<FieldValue<T>, E> {
        Ok(FieldValue::Malformed)
    }

    fn visit_str<E>(self, text: &str) -> Result<FieldValue<T>, E> {
        Ok(T::text(text).into())
    }

    fn visit_unit<E>(self) -> Result<FieldValue<T>, E> {
        Ok(FieldValue::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<FieldValue<T>, A::Error> {
        T::list(items, self.reader).map(FieldValue::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<FieldValue<T>, A::Error> {
        T::object(members, self.reader).map(FieldValue::from)
    }
}
