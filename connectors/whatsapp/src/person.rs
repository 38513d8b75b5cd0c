//! Who somebody is: a business-scoped user id, a phone number, or both.

use jackfield_sdk::json::Look;
use jackfield_sdk::{Hint, Identifier, Sender, Subject};
use serde_json::Value;

/// What a change says about the people in it.
pub struct Book<'a> {
    account: &'a str,
    contacts: Value,
}

/// One person, as far as the change tells.
#[derive(Default)]
pub struct Person {
    user_id: Option<String>,
    phone: Option<String>,
    name: Option<String>,
    username: Option<String>,
}

impl<'a> Book<'a> {
    /// The contacts of a change for a business account.
    pub fn new(account: &'a str, contacts: Value) -> Self {
        Self { account, contacts }
    }

    /// The person behind the two addresses that an item gives, either of which may be missing, and may be in the place of the other.
    pub fn person(&self, address: Option<String>, user_id: Option<String>) -> Person {
        let contact = self.contact(address.as_deref(), user_id.as_deref());
        let candidates = [user_id, contact.text("user_id"), address, contact.text("wa_id")];
        let mut person =
            Person { name: contact.text("profile.name"), username: username(contact), ..Person::default() };
        for candidate in candidates.into_iter().flatten() {
            if is_user_id(&candidate) {
                person.user_id.get_or_insert(candidate);
            } else if let Some(phone) = digits(&candidate) {
                person.phone.get_or_insert(phone);
            }
        }
        person
    }

    /// The contact with one of the addresses; or the only one there is, if nothing speaks against it.
    fn contact(&self, address: Option<&str>, user_id: Option<&str>) -> &Value {
        let contacts = self.contacts.list("");
        let same = |contact: &Value, path: &str, other: Option<&str>| {
            contact.text(path).zip(other).map(|(mine, other)| mine == other)
        };
        let verdicts = |contact: &Value| [same(contact, "wa_id", address), same(contact, "user_id", user_id)];
        let matching = contacts.iter().find(|contact| verdicts(contact).contains(&Some(true)));
        let only = contacts.first().filter(|contact| contacts.len() == 1 && !verdicts(contact).contains(&Some(false)));
        matching.or(only).unwrap_or(&Value::Null)
    }

    /// The identity of a person, if any address is known.
    pub fn identity(&self, person: &Person) -> Option<Identifier> {
        person.user_id.as_ref().or(person.phone.as_ref()).map(|value| self.identifier(value))
    }

    /// An address within the business account.
    pub fn identifier(&self, value: &str) -> Identifier {
        Identifier::scoped("whatsapp", self.account, value)
    }

    /// The person with everything that Meta tells of them. Fails if that is no address at all.
    pub fn sender(&self, person: Person) -> Result<Sender, String> {
        let identity = self.identity(&person).ok_or("neither a phone number nor a user id of the sender is there")?;
        let mut hints = Vec::new();
        if let Some(phone) = &person.phone {
            let evidence = "number of the WhatsApp account";
            hints.push(Hint::attested(Subject::Identifier(Identifier::phone(phone)), evidence));
            if person.user_id.is_some() {
                hints.push(Hint::attested(Subject::Identifier(self.identifier(phone)), evidence));
            }
        }
        hints.extend(person.name.map(|name| Hint::claimed(Subject::Name(name), "profile name on WhatsApp")));
        hints.extend(person.username.map(|name| Hint::claimed(Subject::Username(name), "username on WhatsApp")));
        Ok(Sender { identity, hints })
    }
}

/// Written with and without `@`.
fn username(contact: &Value) -> Option<String> {
    let username = contact.text("profile.username").or_else(|| contact.text("username"))?;
    Some(username.trim_start_matches('@').to_owned()).filter(|username| !username.is_empty())
}

/// Whether this is a business-scoped user id: a country's two letters, a full stop, letters and digits. `ENT.` marks the id of a parent,
/// which cannot be written to; where it stands alone it is still the best address there is.
pub fn is_user_id(value: &str) -> bool {
    let Some((country, id)) = value.split_once('.') else {
        return false;
    };
    let id = id.strip_prefix("ENT.").unwrap_or(id);
    country.len() == 2
        && country.bytes().all(|byte| byte.is_ascii_uppercase())
        && (1..=128).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The digits of a phone number, if it is one: spaces and the usual signs may stand between them.
pub fn digits(value: &str) -> Option<String> {
    let is_sign = |sign: char| matches!(sign, '+' | ' ' | '-' | '(' | ')' | '.');
    let fits = value.chars().all(|sign| sign.is_ascii_digit() || is_sign(sign));
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    (fits && !digits.is_empty()).then_some(digits)
}
