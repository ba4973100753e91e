package phone

import (
	"fmt"
	"strings"
	"testing"
)

func ExampleDialable() {
	fmt.Println(Dialable("+49 30 / 123-45.67"))
	fmt.Println(Dialable("110"))
	fmt.Println(Dialable("anna"))
	// Output:
	// +49301234567 true
	// 110 true
	// anna false
}

func TestDialableNumbers(t *testing.T) {
	for text, want := range map[string]string{
		" +49 (30) 123-45 ": "+493012345", "10": "10", "0049301234": "0049301234", strings.Repeat("1", 20): strings.Repeat("1", 20),
		"+49 (0)30 1234567": "+49301234567", // Germany has a national prefix
		"+39 (0)6 1234567":  "+39061234567", // Italy has none: the zero belongs to the number
		"+49 (0)30 FLOWERS": "",             // no letters
		"(0)30 1234567":     "0301234567",
		"":                  "", "1": "", "+": "", "*1": "", "12x": "", "1+2": "", "++12": "", strings.Repeat("1", 21): "",
	} {
		number, ok := Dialable(text)
		if ok != (want != "") || ok && number != want {
			t.Errorf("%q: got %q, %t, want %q", text, number, ok, want)
		}
	}
}

func TestNumberRulesDependOnTheUse(t *testing.T) {
	for number, want := range map[string][2]bool{ // callback, subscriber
		"": {}, "20": {}, "*12345678": {}, "anonymous": {}, "200": {true, false}, "+493012": {true, false},
		"1234567": {true, true}, "+493012345678": {true, true}, "+123456789012345": {true, true}, "+1234567890123456": {},
	} {
		if got := [2]bool{IsCallback(number), IsSubscriber(number)}; got != want {
			t.Errorf("%q: got %v, want %v", number, got, want)
		}
	}
}

func TestNumbersAreTheSameHoweverTheyAreWritten(t *testing.T) {
	for _, same := range []string{"+49 30 123", "4930123", "004930123", "(49) 30/123"} {
		if !IsSame(same, "+49 30 123") {
			t.Errorf("%q is not the same as +49 30 123", same)
		}
	}
	if IsSame("030123", "+4930123") || IsSame("", "") || IsSame("anna", "bert") {
		t.Error("different numbers are the same")
	}
}

func TestKeyIgnoresHowTheCountryIsWritten(t *testing.T) {
	for _, number := range []string{"+49 30 1234567", "0049301234567", "030/123 45 67", "30 1234567"} {
		if got := Key(number); got != "301234567" {
			t.Errorf("key of %q: got %q", number, got)
		}
	}
	if got := Key("+1 555"); got != "1555" {
		t.Errorf("key of a short number: got %q", got)
	}
}
