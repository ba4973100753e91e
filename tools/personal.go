package tools

import (
	"slices"
	"strings"
	"unicode"

	"frontdesk/internal/words"
)

// personal are parts of the names of columns that hold something about a person, in English,
// German, French and Spanish. They are folded and without spaces, as columns are compared.
var personal = strings.Fields(`email telephone phone telefon telefono mobile movil handy rufnummer address adress anschrift strasse straße
	direccion domicilio postcode zipcode postalcode postleitzahl codepostal codigopostal birth dateofbirth geburt naissance nacimiento
	firstname lastname surname vorname nachname familienname prenom apellido courriel correo iban passport`)

// personalWords mean something about a person as words of their own only.
var personalWords = words.NewSet("mail zip plz dob cp tel")

// nameWords mean a name of a person alone, or beside one of persons: not in "product name".
var (
	nameWords = words.NewSet("name names nom nombre")
	persons   = words.NewSet(`customer client caller contact person patient member guest user owner full first last family
		kunde kunden kontakt mitglied patienten voller complet completo cliente contacto paciente socio de del la famille familia`)
)

// PersonalColumns returns the columns of the table besides the key whose names look as if they
// held something about a person.
func (l *Lookup) PersonalColumns() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for _, column := range l.table.columns {
		if column != l.config.Key && isPersonal(column) {
			out = append(out, column)
		}
	}
	return out
}

func isPersonal(column string) bool {
	parts := strings.FieldsFunc(words.Fold(column), func(r rune) bool { return !unicode.IsLetter(r) })
	joined := strings.Join(parts, "")
	if slices.ContainsFunc(personal, func(p string) bool { return strings.Contains(joined, p) }) {
		return true
	}
	hasName, isOfPerson := false, true
	for _, p := range parts {
		switch {
		case personalWords[p]:
			return true
		case nameWords[p]:
			hasName = true
		case !persons[p]:
			isOfPerson = false
		}
	}
	if rest, ok := strings.CutSuffix(joined, "name"); ok && persons[rest] { // "customerName", "Kundenname"
		return true
	}
	return hasName && isOfPerson
}
