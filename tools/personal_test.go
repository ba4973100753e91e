package tools

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"frontdesk/internal/require"
)

func TestColumnsAboutPersonsAreRecognized(t *testing.T) {
	for _, column := range []string{
		"name", "Customer Name", "customerName", "first_name", "E-Mail", "email", "mail", "Phone", "tel", "mobile number", "shipping address", "postcode", "ZIP", "date of birth",
		"Name", "Kundenname", "Vorname", "Adresse", "Straße", "PLZ", "Postleitzahl", "Geburtsdatum", "Telefonnummer",
		"nom", "Prénom", "nom de famille", "courriel", "téléphone", "code postal", "date de naissance",
		"nombre", "apellidos", "nombre del cliente", "correo electrónico", "teléfono", "dirección", "código postal", "fecha de nacimiento",
	} {
		if !isPersonal(column) {
			t.Errorf("%q is not recognized", column)
		}
	}
	for _, column := range []string{
		"order", "items", "status", "carrier", "shipped", "expected delivery", "total", "product name", "file name", "nombre d'articles", "Artikel", "Menge",
		"fecha", "date", "prix", "zipper", "username policy", "",
	} {
		if isPersonal(column) {
			t.Errorf("%q is taken for something about a person", column)
		}
	}
}

func TestTheKeyIsNoPersonalColumnOfItsTable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.csv")
	require.NoError(t, os.WriteFile(file, []byte("phone,name,status\n1,Ann,ok\n"), 0o600))
	l, err := OpenLookup(LookupConfig{Name: "x", File: file, Key: "phone"})
	require.NoError(t, err)
	if got := l.PersonalColumns(); !slices.Equal(got, []string{"name"}) {
		t.Errorf("got %q", got)
	}
}
