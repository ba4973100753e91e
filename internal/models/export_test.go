package models

// Convert is for convert_test.go, which is in another package because internal/modelstest
// imports this one.
var Convert = convert
