//! Dates in logs and in the names of log objects.

/// Returns the days since 1970-01-01 of `YYYY-MM-DD`; `None` if that is not a real date.
#[inline]
pub fn days_of_date(cell: &[u8]) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *cell else { return None };
    let year = number(&[y1, y2, y3, y4])?;
    let month = number(&[m1, m2])?;
    let day = number(&[d1, d2])?;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last_day = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if is_leap => 29,
        2 => 28,
        _ => return None,
    };
    if year == 0 || !(1..=last_day).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year: any five months from there have 153 days.
    let (march_year, march_month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    // 719,468 days from 0000-03-01 to 1970-01-01.
    Some(march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year - 719_468)
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0, |sum, digit| digit.is_ascii_digit().then(|| sum * 10 + i32::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_count_from_1970() {
        for (date, days) in [
            ("1970-01-01", 0),
            ("1969-12-31", -1),
            ("2000-02-29", 11_016),
            ("2024-05-17", 19_860),
            ("9999-12-31", 2_932_896),
        ] {
            assert_eq!(days_of_date(date.as_bytes()), Some(days), "{date}");
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut expected = days_of_date(b"1896-01-01").unwrap();
        for year in 1896..2110 {
            for month in 1..=12 {
                for day in 1..=31 {
                    if let Some(days) = days_of_date(format!("{year}-{month:02}-{day:02}").as_bytes()) {
                        assert_eq!(days, expected);
                        expected += 1;
                    }
                }
            }
        }
        assert_eq!(expected, days_of_date(b"2110-01-01").unwrap());
    }

    #[test]
    fn anything_else_is_not_a_date() {
        for cell in [
            "2023-02-29",
            "1900-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-04-31",
            "0000-01-01",
            "2024-5-1",
            "24-05-17",
            "2024/05/17",
            "",
            "-",
        ] {
            assert_eq!(days_of_date(cell.as_bytes()), None, "{cell}");
        }
    }
}
