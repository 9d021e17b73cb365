//! Whether two pictures of a page show the same, though fonts and versions of a browser differ.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on")]
#![allow(clippy::missing_panics_doc, reason = "each panics when it isn't given a picture")]

use image::imageops::thumbnail;
use image::{GrayImage, load_from_memory};

/// How many times smaller the pictures are when they are compared: letters are shades then.
const SMALLER: u32 = 10;

/// How many rows of the small pictures are compared at once.
const BAND: usize = 4;

/// How far the shades of a band may lie apart on the average, of 255.
const FURTHEST: f64 = 6.0;

/// Whether two PNGs show the same: in no band across them lie their shades far apart.
#[must_use]
pub fn resemble(one: &[u8], other: &[u8]) -> bool {
    let [one, other] = [one, other].map(small);
    one.width() == other.width()
        && one.height().abs_diff(other.height()) < 4
        && furthest(&one, &other) < FURTHEST
}

fn small(png: &[u8]) -> GrayImage {
    let picture = load_from_memory(png).unwrap().to_luma8();
    thumbnail(&picture, picture.width() / SMALLER, picture.height() / SMALLER)
}

/// How far the bands lie apart that do so most.
fn furthest(one: &GrayImage, other: &GrayImage) -> f64 {
    let band = BAND * one.width() as usize;
    let bands = one.as_raw().chunks(band).zip(other.as_raw().chunks(band));
    let apart = bands.map(|(one, other)| {
        let pixels = one.iter().zip(other);
        let sum: u32 = pixels.map(|(one, other)| u32::from(one.abs_diff(*other))).sum();
        f64::from(sum) / f64::from(u32::try_from(one.len()).unwrap())
    });
    apart.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, Luma};

    use super::*;

    fn png(picture: &GrayImage) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    /// A page of lines, each a word of black on white, without those of a part.
    fn page(without: std::ops::Range<u32>) -> Vec<u8> {
        png(&GrayImage::from_fn(900, 1500, |x, y| {
            let ink = x < 300 && y % 30 < 14 && (x / 7 + y / 30) % 2 == 0 && !without.contains(&y);
            Luma([if ink { 0 } else { 250 }])
        }))
    }

    #[test]
    fn a_page_that_lost_a_part_is_another() {
        assert!(resemble(&page(0..0), &page(0..0)));
        assert!(!resemble(&page(0..0), &page(900..1100)));
        assert!(!resemble(&page(0..0), &png(&GrayImage::from_pixel(900, 1500, Luma([250])))));
        assert!(!resemble(&page(0..0), &png(&GrayImage::from_pixel(900, 1700, Luma([250])))));
    }
}
