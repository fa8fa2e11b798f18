// Package topicroom makes the gateway a member of the rooms of topics, one for each topic with
// subscribers here. A [Member] gives package topic its rooms, and takes what package room
// delivers to a member.
package topicroom
