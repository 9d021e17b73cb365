//! Reads a body whose JSON may have any shape: tracks the path, and collects the faults.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::deviations::{Deviations, Dropped};
use super::path::{FieldPath, FieldStep};
use super::{FaultKind, FieldFault};
use crate::payload::webhook::VERSION;

/// A type that can be read where the JSON may have any shape. Each method is for one shape, and gives
/// `None` where the type has another.
pub(super) trait Lenient: Sized {
    /// What is expected, for error texts.
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

/// A type with a value for a field that is missing.
pub(super) trait Empty {
    fn empty() -> Self;
}

/// The position in the payload, and what was found on the way.
#[derive(Debug, Default)]
pub(super) struct Reader {
    path: FieldPath,
    pub(super) faults: Vec<FieldFault>,
    pub(super) deviations: Deviations,
}

/// What a payload has at a field.
#[derive(Clone, Copy)]
pub(super) enum Slot<T> {
    Absent,
    Null,
    Value(T),
    /// A value of another shape.
    Malformed,
    /// The field is given twice, so it says nothing.
    Duplicate,
}

impl<T> From<Option<T>> for Slot<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Malformed, Self::Value)
    }
}

impl<T> Slot<T> {
    /// A member without which an element is dropped.
    pub(super) fn needed(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null | Self::Malformed | Self::Duplicate => None,
        }
    }

    /// The same for one that may be `null`, but says something by that.
    pub(super) fn nullable(self) -> Option<Option<T>> {
        match self {
            Self::Value(value) => Some(Some(value)),
            Self::Null => Some(None),
            Self::Absent | Self::Malformed | Self::Duplicate => None,
        }
    }

    /// A member that an element need not have.
    pub(super) fn extra(self) -> Option<Option<T>> {
        match self {
            Self::Absent => Some(None),
            present => present.nullable(),
        }
    }
}

impl Reader {
    /// Does something one step further down the path.
    pub(super) fn at<R>(&mut self, step: FieldStep, inside: impl FnOnce(&mut Self) -> R) -> R {
        self.path.0.push(step);
        let result = inside(self);
        self.path.0.pop();
        result
    }

    pub(super) fn fault(&mut self, kind: FaultKind) {
        self.faults.push(FieldFault { path: self.path.clone(), kind });
    }

    fn drop_value(&mut self) {
        self.deviations.dropped.push(Dropped { path: self.path.clone(), more: 0 });
    }

    fn default_value(&mut self) {
        self.deviations.missing.push(self.path.clone());
    }

    /// Reads the value of a member into its slot.
    pub(super) fn member<'de, T: Lenient, A: MapAccess<'de>>(
        &mut self,
        slot: &mut Slot<T>,
        members: &mut A,
    ) -> Result<(), A::Error> {
        *slot = if matches!(slot, Slot::Absent) {
            members.next_value_seed(Field::new(self))?
        } else {
            // Skipped, so that nobody can have one field read a million times.
            members.next_value::<IgnoredAny>()?;
            Slot::Duplicate
        };
        Ok(())
    }

    /// A field without which the payload is unusable.
    pub(super) fn required<T: Lenient + Empty>(&mut self, slot: Slot<T>) -> T {
        match slot {
            Slot::Value(value) => return value,
            Slot::Absent => self.fault(FaultKind::Missing),
            Slot::Null | Slot::Malformed => self.fault(FaultKind::Shape(T::SHAPE)),
            Slot::Duplicate => self.fault(FaultKind::Duplicate),
        }
        T::empty()
    }

    /// A field that has this default.
    pub(super) fn or<T>(&mut self, slot: Slot<T>, default: T) -> T {
        match slot {
            Slot::Value(value) => return value,
            Slot::Absent | Slot::Null => self.default_value(),
            Slot::Malformed | Slot::Duplicate => self.drop_value(),
        }
        default
    }

    /// A field that is empty by default.
    pub(super) fn or_empty<T: Empty>(&mut self, slot: Slot<T>) -> T {
        self.or(slot, T::empty())
    }

    /// A field that may be absent by the documentation.
    pub(super) fn optional<T>(&mut self, slot: Slot<T>) -> Option<T> {
        match slot {
            Slot::Value(value) => return Some(value),
            Slot::Absent | Slot::Null => {}
            Slot::Malformed | Slot::Duplicate => self.drop_value(),
        }
        None
    }

    /// The payload's version.
    pub(super) fn version(&mut self, slot: Slot<u64>) -> u32 {
        match slot {
            Slot::Absent => self.default_value(),
            Slot::Value(version) if version == u64::from(VERSION) => {}
            Slot::Value(_) => self.fault(FaultKind::Version { is_number: true }),
            Slot::Null | Slot::Malformed => self.fault(FaultKind::Version { is_number: false }),
            Slot::Duplicate => self.fault(FaultKind::Duplicate),
        }
        VERSION
    }

    /// The elements of a list. Those that are incomplete or malformed are dropped whole: a ref without
    /// its new commit, for example, would read as deleted.
    pub(super) fn elements<'de, T: Lenient, A: SeqAccess<'de>>(
        &mut self,
        mut items: A,
    ) -> Result<Vec<T>, A::Error> {
        let (mut elements, mut first_dropped, mut dropped) = (Vec::new(), 0, 0_usize);
        for index in 0.. {
            match items.next_element_seed(Field::new(self))? {
                None => break,
                Some(Slot::Value(element)) => elements.push(element),
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
            self.deviations.dropped.push(Dropped { path, more });
        }
        Ok(elements)
    }
}

/// Reads one value, of whatever shape.
pub(super) struct Field<'a, T> {
    reader: &'a mut Reader,
    of: PhantomData<T>,
}

impl<'a, T> Field<'a, T> {
    pub(super) fn new(reader: &'a mut Reader) -> Self {
        Self { reader, of: PhantomData }
    }
}

impl<'de, T: Lenient> DeserializeSeed<'de> for Field<'_, T> {
    type Value = Slot<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Slot<T>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Lenient> Visitor<'de> for Field<'_, T> {
    type Value = Slot<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::SHAPE)
    }

    fn visit_bool<E>(self, boolean: bool) -> Result<Slot<T>, E> {
        Ok(T::boolean(boolean).into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Slot<T>, E> {
        Ok(T::number(number).into())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Slot<T>, E> {
        Ok(Slot::Malformed)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Slot<T>, E> {
        Ok(Slot::Malformed)
    }

    fn visit_str<E>(self, text: &str) -> Result<Slot<T>, E> {
        Ok(T::text(text).into())
    }

    fn visit_unit<E>(self) -> Result<Slot<T>, E> {
        Ok(Slot::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Slot<T>, A::Error> {
        T::list(items, self.reader).map(Slot::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Slot<T>, A::Error> {
        T::object(members, self.reader).map(Slot::from)
    }
}
