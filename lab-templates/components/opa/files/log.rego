# METADATA
# description: Keeps credentials that a caller put into its input out of the decision log.
package system.log

mask contains $"/input/{name}" if {
	some name in ["authorization", "identity", "password", "token"]
}
